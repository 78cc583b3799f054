//! Who can reach what, what has to be rotated because of it, and who should not have access any more.
//!
//! [`matrix`] says what roles may do. [`access`] is who has which role by which kind of grant, now (from a list of members or
//! what providers list) and, by [`replay`] of the log, at any time that the log covers. What cannot be known is said to be
//! unknown, and counts as reachable.

pub mod access;
pub mod blast;
pub mod book;
pub mod calendar;
pub mod estate;
pub mod matrix;
pub mod members;
pub mod reconcile;
pub mod register;
pub mod replay;
pub mod review;
pub mod sheet;
pub mod tasks;
pub mod trail;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of the files that this room reads: put together, they go further than bytes do.
    const PIECES: &[&str] = &[
        "email,role,grant,project,team,status,last login,two factor\n",
        "integration,type,used by,credential,last rotated,store,path\n",
        "a@b,admin,individual,7,,active,2026-01-01,yes\n",
        "*,admin,team,7,Growth,,,\n",
        "etl,service-account,x,y,2026-01-01,vault,p\n",
        "[[person]]\nemail = 'a@b'\n",
        "ends = 2026-01-01\n",
        "review-every = ",
        "closed-projects = ['7']\n",
        "{\"day\":\"2026-01-01\",\"items\":[],\"members\":[],\"gaps\":[]}",
        "\"",
        "'",
        ",",
        ";",
        "\n",
        "\r",
        "=1",
        "\u{0}",
        "\u{feff}",
        "ä",
        "90",
    ];

    fn read_all(bytes: &[u8]) {
        let texts = [
            members::read(bytes).err(),
            book::from_csv(bytes).err(),
            review::Review::parse(bytes).err(),
            register::parse(&String::from_utf8_lossy(bytes)).err(),
            serde_json::from_slice(bytes).ok().and_then(|value| estate::Estate::default().add(&value).err()),
        ];
        assert!(texts.iter().flatten().all(|error| !error.is_empty()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_in_words(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            read_all(&bytes);
        }

        #[test]
        fn so_are_any_pieces_of_a_file(pieces in proptest::collection::vec(0..PIECES.len(), 0..30)) {
            let text: String = pieces.into_iter().map(|at| PIECES[at]).collect();
            read_all(text.as_bytes());
        }

        #[test]
        fn any_table_is_the_same_after_csv(rows in proptest::collection::vec(proptest::collection::vec("[^\u{0}]{0,12}", 2), 0..8)) {
            let text = sheet::csv(&["one", "two"], &rows);
            let read = sheet::read(text.as_bytes()).unwrap();
            let read: Vec<Vec<String>> = read.rows.into_iter().map(|(_, row)| row).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
