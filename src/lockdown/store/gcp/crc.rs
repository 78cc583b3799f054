//! CRC32C (Castagnoli; RFC 3720, appendix B.4), by which payloads are checked on their way.

/// The polynomial, its bits turned round.
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// Of these bytes: at most 64 KiB, so that a table would not pay.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_values_come_out() {
        let rising: Vec<u8> = (0..32).collect();
        let falling: Vec<u8> = (0..32).rev().collect();
        for (bytes, crc) in [
            (&[][..], 0),
            (&b"123456789"[..], 0xE306_9283),
            (&[0; 32][..], 0x8A91_36AA),
            (&[0xFF; 32][..], 0x62A8_AB43),
            (&rising[..], 0x46DD_794E),
            (&falling[..], 0x113F_DB5C),
        ] {
            assert_eq!(crc32c(bytes), crc, "{bytes:?}");
        }
    }
}
