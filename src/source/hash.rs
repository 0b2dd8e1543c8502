//! What an input holds, as one number: the sum of the hashes of its lines. The same lines come to the same sum in whatever
//! order they stand and however the input was cut, so parts add up; it tells whether rows were counted before.

use memchr::memchr2;
use twox_hash::XxHash3_64;

/// The sum of `text`, whole lines: headers apart, what stands in every line that is not blank. Line ends do not matter.
pub(super) fn lines(text: &[u8]) -> u64 {
    let (mut sum, mut rest) = (0u64, text);
    while !rest.is_empty() {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        if !line.trim_ascii().is_empty() {
            sum = sum.wrapping_add(XxHash3_64::oneshot(line));
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_add_up_however_they_are_cut_and_ended() {
        let all = lines(b"1,2\n3,4\n1,2\n");
        assert_eq!(lines(b"1,2\r\n\r\n1,2\r3,4"), all);
        assert_eq!(lines(b"1,2\n").wrapping_add(lines(b"3,4\n1,2\n")), all);
        assert!(lines(b"1,2\n3,4\n") != all && lines(b"1,2\n3,5\n1,2\n") != all && lines(b"") == 0);
    }
}
