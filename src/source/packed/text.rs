//! UTF-16, turned into UTF-8 while it is unpacked; any other text passes through as it is.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};

use crate::error::Error;

/// Bytes that tell.
const LOOK: usize = 512;
/// Bytes decoded at once.
const ROOM: usize = 32 << 10;

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The least significant.
    Little,
    Big,
}

/// Whether text that begins with `head` is UTF-16: by its mark, or because every second byte of it is zero and the others
/// are ASCII.
pub(in crate::source) fn is_utf16(head: &[u8]) -> bool {
    order(&head[..head.len().min(LOOK)]).is_some()
}

fn order(head: &[u8]) -> Option<Order> {
    match head {
        // The mark of UTF-32.
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(Order::Little),
        [0xfe, 0xff, ..] => return Some(Order::Big),
        _ => (),
    }
    let (pairs, _) = head.as_chunks::<2>();
    let plain = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    if pairs.len() < 4 || !pairs[0].contains(&0) || pairs.contains(&[0, 0]) {
        return None;
    }
    // Names of places may be in any script; what stands between them is not.
    let is = |high: usize, low: usize| {
        let ascii = pairs.iter().filter(|pair| pair[high] == 0 && plain(pair[low])).count();
        let other = pairs.iter().filter(|pair| pair[low] == 0).count();
        ascii * 5 >= pairs.len() * 3 && other * 8 <= pairs.len()
    };
    if is(1, 0) {
        return Some(Order::Little);
    }
    is(0, 1).then_some(Order::Big)
}

/// Text in UTF-8, or what it is in.
pub(super) struct Text {
    from: Box<dyn Read>,
    name: PathBuf,
    /// Set where UTF-16 was found.
    found: Arc<AtomicBool>,
    state: State,
    /// Bytes that were read and not given out.
    ready: Vec<u8>,
    at: usize,
}

enum State {
    Begin,
    Plain,
    Utf16 {
        decoder: Decoder,
        /// Bytes to be decoded.
        units: Vec<u8>,
        /// Bytes that were.
        taken: u64,
    },
    Ended,
}

impl Text {
    pub(super) fn new(from: Box<dyn Read>, name: PathBuf, found: Arc<AtomicBool>) -> Self {
        Self { from, name, found, state: State::Begin, ready: Vec::new(), at: 0 }
    }

    /// Finds out what the text is in.
    fn begin(&mut self) -> io::Result<()> {
        let mut head = vec![0; LOOK];
        let len = fill(&mut self.from, &mut head)?;
        head.truncate(len);
        let order = order(&head);
        self.found.store(order.is_some(), Ordering::Relaxed);
        let Some(order) = order else {
            (self.ready, self.at, self.state) = (head, 0, State::Plain);
            return Ok(());
        };
        let marked = matches!(head.get(..2), Some([0xff, 0xfe] | [0xfe, 0xff]));
        let encoding = if order == Order::Little { UTF_16LE } else { UTF_16BE };
        let mut decoder = encoding.new_decoder_without_bom_handling();
        self.ready = vec![0; 3 * ROOM];
        let begin = if marked { 2 } else { 0 };
        let made = decode(&mut decoder, &head[begin..], &mut self.ready, false);
        self.ready.truncate(made);
        self.state = State::Utf16 { decoder, units: vec![0; ROOM], taken: len as u64 };
        Ok(())
    }

    /// Decodes more.
    fn more(&mut self) -> io::Result<()> {
        let State::Utf16 { decoder, units, taken } = &mut self.state else { return Ok(()) };
        let len = fill(&mut self.from, units)?;
        *taken += len as u64;
        let ended = len < units.len();
        if ended && *taken % 2 == 1 {
            return Err(io::Error::other(Error::Input(format!(
                "{} ends in the middle of a character of UTF-16, after {taken} bytes: is it cut short? Fetch or copy it \
                 again",
                self.name.display()
            ))));
        }
        self.ready.resize(3 * ROOM, 0);
        let made = decode(decoder, &units[..len], &mut self.ready, ended);
        self.ready.truncate(made);
        self.at = 0;
        if ended {
            self.state = State::Ended;
        }
        Ok(())
    }
}

/// Decodes all of `units`, which come to three bytes each at most; half a pair of surrogates is U+FFFD, a replacement.
fn decode(decoder: &mut Decoder, units: &[u8], to: &mut [u8], last: bool) -> usize {
    let (_, _, made, _) = decoder.decode_to_utf8(units, to, last);
    made
}

/// Reads until `buffer` is full or nothing follows.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match from.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(got) => len += got,
            Err(e) if e.kind() == ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
    Ok(len)
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.ready.get(self.at..).unwrap_or_default();
            if !rest.is_empty() || buffer.is_empty() {
                let len = rest.len().min(buffer.len());
                buffer[..len].copy_from_slice(&rest[..len]);
                self.at += len;
                return Ok(len);
            }
            match self.state {
                State::Begin => self.begin()?,
                State::Plain => return self.from.read(buffer),
                State::Utf16 { .. } => self.more()?,
                State::Ended => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, order: Order, marked: bool) -> Vec<u8> {
        let mark = marked.then_some(0xfeff);
        let bytes = |unit: u16| if order == Order::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    /// Reads in steps that end anywhere.
    fn read(bytes: Vec<u8>) -> io::Result<(Vec<u8>, bool)> {
        let found = Arc::new(AtomicBool::new(false));
        let mut text = Text::new(Box::new(io::Cursor::new(bytes)), "x.csv".into(), found.clone());
        let (mut all, mut buffer) = (Vec::new(), [0; 1000]);
        for step in (1..=1000).cycle() {
            match text.read(&mut buffer[..step])? {
                0 => break,
                len => all.extend_from_slice(&buffer[..len]),
            }
        }
        Ok((all, found.load(Ordering::Relaxed)))
    }

    #[test]
    fn utf_16_comes_out_as_utf_8_and_all_else_as_it_is() {
        let rows = "\u{df},1.5,\u{1f5fa}\u{7d4c}\r\n".repeat(9000);
        for text in [&format!("name,lon,lat,note\n{rows}"), "lon,lat\n", "1,2\n"] {
            for order in [Order::Little, Order::Big] {
                for marked in [false, true] {
                    let (bytes, found) = read(units(text, order, marked)).unwrap();
                    assert!(found && bytes == text.as_bytes(), "{order:?} {marked} {}", bytes.len());
                }
            }
            assert!(read(text.as_bytes().to_vec()).unwrap() == (text.as_bytes().to_vec(), false));
        }
        let others: [&[u8]; 8] = [
            b"",
            b"l",
            b"l\0o\0",
            b"l\0o\0n,lat,x\n",
            b"\0\0\0\0\0\0\0\0\0\0",
            b"l\0\0\0o\0\0\0n\0\0\0,\0\0\0",
            b"\xff\xfe\0\0l\0\0\0",
            b"\xef\xbb\xbflon,lat\n",
        ];
        for bytes in others {
            assert_eq!(read(bytes.to_vec()).unwrap(), (bytes.to_vec(), false), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn half_a_character_is_replaced_and_half_a_unit_is_an_error() {
        for order in [Order::Little, Order::Big] {
            let mut bytes = units("lon,lat,x\n1,2,", order, true);
            let lone: u16 = 0xd800;
            bytes.extend(if order == Order::Little { lone.to_le_bytes() } else { lone.to_be_bytes() });
            bytes.extend(units("\n", order, false));
            assert_eq!(read(bytes.clone()).unwrap().0, "lon,lat,x\n1,2,\u{fffd}\n".as_bytes());
            bytes.pop();
            let said = read(bytes).unwrap_err().to_string();
            assert!(said.contains("x.csv ends in the middle of a character of UTF-16, after 33 bytes"), "{said}");
        }
        assert_eq!(read(b"\xff\xfe".to_vec()).unwrap(), (Vec::new(), true));
        assert!(read(b"\xff\xfea".to_vec()).is_err());
    }
}
