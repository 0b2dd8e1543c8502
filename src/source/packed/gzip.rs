//! Gzip (RFC 1952): all members one after the other, each held to its checksum and its length; zeros may follow. And
//! deflated data alone, as a zip archive has it.

use std::io::{self, BufRead, ErrorKind, Read};

use crc32fast::Hasher;
use zlib_rs::{Inflate, InflateFlush, Status};

/// What is unpacked of the members.
pub(super) struct Members<R> {
    from: R,
    inflate: Inflate,
    state: State,
    sum: Hasher,
    len: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first member.
    Begin,
    /// Behind one.
    Between,
    /// Within its data.
    Data,
    Ended,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, inflate: Inflate::new(false, 15), state: State::Begin, sum: Hasher::new(), len: 0 }
    }

    /// Reads what stands before the data.
    fn header(&mut self) -> io::Result<()> {
        let [magic0, magic1, method, flags, ..] = self.array::<10>()?;
        if [magic0, magic1] != [0x1f, 0x8b] {
            return Err(wrong("no gzip member begins where one must"));
        }
        if method != 8 {
            return Err(wrong("a method that gzip does not have"));
        }
        if flags & 4 != 0 {
            let len = u16::from_le_bytes(self.array()?);
            for _ in 0..len {
                self.array::<1>()?;
            }
        }
        for text in [8, 16] {
            while flags & text != 0 && self.array()? != [0] {}
        }
        if flags & 2 != 0 {
            self.array::<2>()?;
        }
        self.inflate.reset(false);
        (self.sum, self.len) = (Hasher::new(), 0);
        self.state = State::Data;
        Ok(())
    }

    /// Whether another member follows; zeros up to the end are none.
    fn another(&mut self) -> io::Result<bool> {
        let Some(&first) = self.from.fill_buf()?.first() else { return Ok(false) };
        if first != 0 {
            return if first == 0x1f { Ok(true) } else { Err(garbage()) };
        }
        loop {
            let bytes = self.from.fill_buf()?;
            if bytes.is_empty() {
                return Ok(false);
            }
            if bytes.iter().any(|&byte| byte != 0) {
                return Err(garbage());
            }
            let len = bytes.len();
            self.from.consume(len);
        }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state {
                State::Ended => return Ok(0),
                State::Begin => self.header()?,
                State::Between => {
                    if self.another()? {
                        self.header()?;
                    } else {
                        self.state = State::Ended;
                    }
                }
                State::Data => {
                    let (len, ended) = inflate(&mut self.from, &mut self.inflate, buffer)?;
                    self.sum.update(&buffer[..len]);
                    self.len = self.len.wrapping_add(len as u32);
                    if ended {
                        let sum = std::mem::replace(&mut self.sum, Hasher::new()).finalize();
                        if u32::from_le_bytes(self.array()?) != sum {
                            return Err(wrong("its checksum is another"));
                        }
                        if u32::from_le_bytes(self.array()?) != self.len {
                            return Err(wrong("its length is another"));
                        }
                        self.state = State::Between;
                    }
                    if len > 0 || buffer.is_empty() {
                        return Ok(len);
                    }
                }
            }
        }
    }
}

/// What is unpacked of deflated data without a frame; what follows its end is not read.
pub(super) struct Deflated<R> {
    from: R,
    inflate: Inflate,
    ended: bool,
}

impl<R: BufRead> Deflated<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, inflate: Inflate::new(false, 15), ended: false }
    }
}

impl<R: BufRead> Read for Deflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let (len, ended) = inflate(&mut self.from, &mut self.inflate, buffer)?;
        self.ended = ended;
        Ok(len)
    }
}

/// Inflates into `buffer` until something comes out or the data ends (true then).
fn inflate(from: &mut impl BufRead, inflate: &mut Inflate, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
    loop {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let before = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(bytes, buffer, InflateFlush::NoFlush).map_err(|e| wrong(e.as_str()))?;
        let used = (inflate.total_in() - before.0) as usize;
        let len = (inflate.total_out() - before.1) as usize;
        from.consume(used);
        if status == Status::StreamEnd || len > 0 || buffer.is_empty() {
            return Ok((len, status == Status::StreamEnd));
        }
        if used == 0 {
            return Err(wrong("it does not go on"));
        }
    }
}

fn wrong(text: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}

fn garbage() -> io::Error {
    wrong("something that is no gzip member follows the last one")
}
