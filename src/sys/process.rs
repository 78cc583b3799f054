//! Another program's output.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::fs::read_up_to;

/// How often a program that has closed its output is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// Why a program's output is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It cannot be started.
    #[error("cannot be started: {0}")]
    Start(io::Error),
    /// Its output cannot be read, or its end cannot be waited for.
    #[error("its output cannot be read: {0}")]
    Read(io::Error),
    /// It wrote too much.
    #[error("wrote more than {0} bytes")]
    TooLong(usize),
    /// It took too long, and was killed.
    #[error("did not end within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It failed.
    #[error("ended with {0}")]
    Failed(ExitStatus),
}

/// Runs a program, without a shell, and gives what it wrote to standard output.
///
/// Its standard input is empty and its standard error is this process's, so that it can say what is wrong; it may ask on the
/// terminal. The output is wiped when it is dropped. Only the program itself is killed when the time is up, not what it started.
pub fn output(
    program: &str,
    arguments: &[String],
    limit: usize,
    time: Duration,
) -> Result<Zeroizing<Vec<u8>>, RunError> {
    let end = Instant::now() + time;
    let mut command = Command::new(program);
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Running(command.spawn().map_err(RunError::Start)?);
    let stdout = child.0.stdout.take().ok_or_else(|| RunError::Read(io::ErrorKind::BrokenPipe.into()))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    // A thread of its own: reading has no time limit. It ends with the pipe, which is not waited for.
    std::thread::spawn(move || {
        // Nobody listens any more once the time is up.
        let _late = sender.send(read_up_to(stdout, limit));
    });
    let read = receiver.recv_timeout(end.saturating_duration_since(Instant::now()));
    let read = read.map_err(|error| match error {
        RecvTimeoutError::Timeout => RunError::TooSlow(time),
        RecvTimeoutError::Disconnected => RunError::Read(io::ErrorKind::BrokenPipe.into()),
    })?;
    let bytes = read.map_err(RunError::Read)?.ok_or(RunError::TooLong(limit))?;
    let status = child.wait_until(end).map_err(RunError::Read)?.ok_or(RunError::TooSlow(time))?;
    if status.success() { Ok(bytes) } else { Err(RunError::Failed(status)) }
}

/// A program that does not outlive the interest in it.
struct Running(Child);

impl Running {
    fn wait_until(&mut self, end: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and is waited for again without harm.
        let _ended = self.0.kill();
        let _gone = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: usize, time: Duration) -> Result<Zeroizing<Vec<u8>>, RunError> {
        output("sh", &["-c".to_owned(), script.to_owned()], limit, time)
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn output_is_given_and_input_is_empty() {
        assert_eq!(shell("printf abc; cat", 10, LONG).unwrap().as_slice(), b"abc");
        assert_eq!(shell("exec >&-; sleep 0.05", 10, LONG).unwrap().as_slice(), b"");
    }

    #[test]
    fn arguments_are_not_words_of_a_shell() {
        let text = output("printf", &["%s".to_owned(), "$HOME `x` *; y".to_owned()], 100, LONG).unwrap();
        assert_eq!(text.as_slice(), b"$HOME `x` *; y");
    }

    #[test]
    fn failures_are_told_apart() {
        assert!(matches!(shell("printf abc; exit 3", 10, LONG), Err(RunError::Failed(_))));
        assert!(matches!(shell("kill -9 $$", 10, LONG), Err(RunError::Failed(_))));
        assert!(matches!(shell("yes", 10, LONG), Err(RunError::TooLong(10))));
        assert!(matches!(output("/no/such/program", &[], 10, LONG), Err(RunError::Start(_))));
        assert!(matches!(shell("sleep 60", 10, Duration::from_millis(100)), Err(RunError::TooSlow(_))));
        assert!(matches!(
            shell("exec >&-; sleep 60", 10, Duration::from_millis(100)),
            Err(RunError::TooSlow(_))
        ));
    }

    #[test]
    fn a_child_of_the_program_that_keeps_the_pipe_does_not_hold_us_up() {
        let start = Instant::now();
        let result = shell("sleep 5 & exit 0", 10, Duration::from_millis(200));
        assert!(matches!(result, Err(RunError::TooSlow(_))));
        assert!(start.elapsed() < Duration::from_secs(4));
    }
}
