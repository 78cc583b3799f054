//! Addresses of ordinary life: 100.64.0.0/10, of which each provider has a /16 and each home, office or hotel a /24.

use std::net::Ipv4Addr;

use super::places::CITIES;
use crate::synth::rng::Rng;

const PROVIDERS: usize = 64;
/// Third parts are handed out in this order, which visits all 256.
const STRIDE: u8 = 37;

/// A /24 of 100.64.0.0/10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    provider: u8,
    third: u8,
}

impl Network {
    /// Its address of that number.
    pub fn host(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(100, 64 + self.provider, self.third, last)
    }
}

/// Hands out networks, none of them twice before a provider's 256 are used up.
#[derive(Debug)]
pub struct Networks {
    next: [u8; PROVIDERS],
}

impl Networks {
    /// None handed out yet; each provider begins somewhere else.
    pub fn new(rng: &mut Rng) -> Self {
        Self { next: std::array::from_fn(|_| low_byte(rng)) }
    }

    /// A network in a city, of one of its four providers.
    pub fn take(&mut self, city: usize, rng: &mut Rng) -> Network {
        let nth = usize::try_from(rng.below(4)).unwrap_or_default();
        let provider = (city % CITIES.len()) * 4 + nth;
        let Some(next) = self.next.get_mut(provider) else { return Network { provider: 0, third: 0 } };
        *next = next.wrapping_add(STRIDE);
        Network { provider: u8::try_from(provider).unwrap_or_default(), third: *next }
    }
}

/// A host number that is neither a network's own nor its broadcast address.
pub fn host_number(rng: &mut Rng) -> u8 {
    low_byte(rng).clamp(2, 250)
}

fn low_byte(rng: &mut Rng) -> u8 {
    rng.bits().to_le_bytes().first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_handed_out_once() {
        let mut rng = Rng::new(1);
        let mut networks = Networks::new(&mut rng);
        let mut seen = std::collections::HashSet::new();
        for number in 0..600 {
            let address = networks.take(number, &mut rng).host(1);
            assert!(address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]));
            assert!(seen.insert(address));
        }
    }
}
