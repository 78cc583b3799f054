//! Output in a terminal emulator.

use vt100::{Callbacks, Parser, Screen};

use crate::common::{Place, command};
use crate::write_hostile;

/// Everything that an output asked of the terminal besides showing text in colour.
#[derive(Default)]
struct Asked(Vec<String>);

impl Callbacks for Asked {
    fn audible_bell(&mut self, _: &mut Screen) {
        self.0.push("bell".into());
    }
    fn visual_bell(&mut self, _: &mut Screen) {
        self.0.push("visual bell".into());
    }
    fn resize(&mut self, _: &mut Screen, _: (u16, u16)) {
        self.0.push("resize".into());
    }
    fn set_window_icon_name(&mut self, _: &mut Screen, _: &[u8]) {
        self.0.push("icon".into());
    }
    fn set_window_title(&mut self, _: &mut Screen, _: &[u8]) {
        self.0.push("title".into());
    }
    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], _: &[u8]) {
        self.0.push("copy".into());
    }
    fn paste_from_clipboard(&mut self, _: &mut Screen, _: &[u8]) {
        self.0.push("paste".into());
    }
    fn unhandled_char(&mut self, _: &mut Screen, letter: char) {
        self.0.push(format!("letter {letter:?}"));
    }
    fn unhandled_control(&mut self, _: &mut Screen, byte: u8) {
        self.0.push(format!("control {byte}"));
    }
    fn unhandled_escape(&mut self, _: &mut Screen, _: Option<u8>, _: Option<u8>, byte: u8) {
        self.0.push(format!("escape {byte}"));
    }
    fn unhandled_csi(&mut self, _: &mut Screen, _: Option<u8>, _: Option<u8>, _: &[&[u16]], letter: char) {
        self.0.push(format!("csi {letter}"));
    }
    fn unhandled_osc(&mut self, _: &mut Screen, _: &[&[u8]]) {
        self.0.push("osc".into());
    }
}

/// What the terminal was asked, and the state in which it was left: modes, colours, what a line written next looks like.
fn left(output: &[u8]) -> (Vec<String>, String) {
    let (rows, columns) = (50.try_into().unwrap(), 120.try_into().unwrap());
    let mut parser = Parser::new_with_callbacks(rows, columns, 0, Asked::default());
    // A program's line end is a line end and a carriage return to a terminal.
    parser.process(&String::from_utf8_lossy(output).replace('\n', "\r\n").into_bytes());
    parser.process(b"next line\r\n");
    let screen = parser.screen();
    let line: String =
        screen.contents().lines().rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
    let state = format!(
        "{line:?} {:?} alternate {} keypad {} cursor keys {} hidden {} paste {} mouse {:?} {:?} style {:?} {:?}",
        screen.attributes_formatted(),
        screen.alternate_screen(),
        screen.application_keypad(),
        screen.application_cursor(),
        screen.hide_cursor(),
        screen.bracketed_paste(),
        screen.mouse_protocol_mode(),
        screen.mouse_protocol_encoding(),
        screen.cursor_style(),
        screen.size(),
    );
    (parser.callbacks().0.clone(), state)
}

#[test]
fn a_terminal_is_left_as_it_was() {
    let clean = left(b"one line\n");
    assert!(clean.0.is_empty() && clean.1.starts_with("\"next line\""), "{clean:?}");
    // Each of these would be seen.
    for (bytes, asked) in
        [("\u{1b}]0;title\u{7}", "title"), ("\u{7}", "bell"), ("\u{1b}]52;c;aGk=\u{7}", "copy")]
    {
        assert!(left(bytes.as_bytes()).0.iter().any(|one| one == asked), "{bytes:?}");
    }
    for bytes in ["\u{1b}[?1049h", "\u{1b}[31m", "\u{1b}[?25l", "\u{1b}=", "\u{1b}[?2004h"] {
        assert_ne!(left(bytes.as_bytes()).1, clean.1, "{bytes:?}");
    }

    let place = Place::new();
    write_hostile(&place, "http://127.0.0.1:9");
    let commands: [&[&str]; 8] = [
        &["scan", "logs", "--stats", "--all"],
        &["scan", "logs", "--stats", "--format", "jsonl"],
        &["scan", "logs", "--all"],
        &["scan", "logs", "--group", "incident"],
        &["query", "SELECT * FROM log", "logs"],
        &["query", "SELECT * FROM findings", "logs"],
        &["timeline", "logs", "--account", "\u{1b}]0;title\u{7}", "-o", "x.svg"],
        &["scan", "logs", "--format", "sarif"],
    ];
    for args in commands {
        for color in ["always", "never"] {
            let output = command(place.folder.path()).args(args).args(["--color", color]).output().unwrap();
            let both = [output.stdout, b"\n".to_vec(), output.stderr].concat();
            assert!(both.len() > 50, "{args:?} said nothing");
            assert_eq!(left(&both), clean, "{args:?} --color {color}: {}", String::from_utf8_lossy(&both));
        }
    }
}
