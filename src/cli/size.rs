//! Sizes with units.

/// Reads `4096`, `4KiB`, `64M`, `1GiB`; units are powers of 1,024.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(format!("unknown unit `{unit}`: use KiB, MiB, GiB or TiB")),
    };
    let number: u64 = number.parse().map_err(|_no_number| "expected a size such as 64MiB".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "size is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse("4KiB"), Ok(4096));
        assert_eq!(parse("2 M"), Ok(2 << 20));
        assert_eq!(parse("1gb"), Ok(1 << 30));
        for bad in ["", "x", "4 parsecs", "99999999999 TiB"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
