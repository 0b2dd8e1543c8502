//! Codes for symbols by how often they occur: lengths by Huffman's method, bounded, and the bits deflate gives them.

/// Longest code we make. Twelve bits lose next to nothing and let two tokens be written at once.
pub(super) const LONGEST_CODE: usize = 12;

/// Code lengths for `counts` (at least two are not 0), none longer than `limit`; 0 where the count is 0.
pub(super) fn lengths<const N: usize>(counts: &[u32; N], limit: usize) -> [u8; N] {
    let mut lengths = [0; N];
    // (count, symbol) in one word sorts by count, then symbol.
    let mut keys = [0u32; N];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        if count > 0 {
            keys[used] = count << 9 | symbol as u32;
            used += 1;
        }
    }
    let keys = &mut keys[..used];
    keys.sort_unstable();
    let mut tree = [0u32; N];
    let tree = &mut tree[..used];
    tree.iter_mut().zip(keys.iter()).for_each(|(t, k)| *t = k >> 9);
    depths(tree);

    let mut of_length = [0u32; 33];
    tree.iter().for_each(|&depth| of_length[(depth as usize).min(limit)] += 1);
    bound(&mut of_length, limit);
    // The rarest symbols come first and get the longest codes.
    let mut rarest = keys.iter();
    for length in (1..=limit).rev() {
        for key in rarest.by_ref().take(of_length[length] as usize) {
            lengths[(key & 511) as usize] = length as u8;
        }
    }
    lengths
}

/// Turns ascending counts into code lengths in place, longest first (Moffat and Katajainen, 1995).
fn depths(a: &mut [u32]) {
    let n = a.len();
    if n < 2 {
        a.iter_mut().for_each(|x| *x = 1);
        return;
    }
    // Pair the two rarest, leaves or pairs, again and again; a used pair's place keeps its parent.
    let (mut leaf, mut root) = (0, 0);
    for next in 0..n - 1 {
        let mut take = |a: &mut [u32]| {
            if leaf >= n || (root < next && a[root] < a[leaf]) {
                let count = a[root];
                a[root] = next as u32;
                root += 1;
                count
            } else {
                leaf += 1;
                a[leaf - 1]
            }
        };
        let sum = take(a) + take(a);
        a[next] = sum;
    }
    // Parents to depths of the pairs.
    a[n - 2] = 0;
    for next in (0..n - 2).rev() {
        a[next] = a[a[next] as usize] + 1;
    }
    // Depths of pairs to depths of leaves: at each depth, places not taken by pairs are leaves.
    let (mut open, mut depth, mut pairs, mut next) = (1, 0, n - 1, n);
    while open > 0 {
        let mut inner = 0;
        while pairs > 0 && a[pairs - 1] == depth {
            inner += 1;
            pairs -= 1;
        }
        for _ in inner..open {
            next -= 1;
            a[next] = depth;
        }
        open = 2 * inner;
        depth += 1;
    }
}

/// After codes were cut to `limit`, makes others longer until all fit again.
fn bound(of_length: &mut [u32; 33], limit: usize) {
    let mut taken: u32 = (1..=limit).map(|length| of_length[length] << (limit - length)).sum();
    while taken > 1 << limit {
        // One code of the longest length moves beside the longest shorter one, which becomes one bit longer.
        of_length[limit] -= 1;
        if let Some(length) = (1..limit).rev().find(|&length| of_length[length] > 0) {
            of_length[length] -= 1;
            of_length[length + 1] += 2;
        }
        taken -= 1;
    }
}

/// The bits of each symbol's code, first bit lowest.
pub(super) fn codes<const N: usize>(lengths: &[u8; N]) -> [u16; N] {
    let mut of_length = [0u16; 16];
    lengths.iter().for_each(|&length| of_length[usize::from(length)] += 1);
    of_length[0] = 0;
    let (mut next, mut code) = ([0u16; 16], 0);
    for length in 1..16 {
        code = (code + of_length[length - 1]) << 1;
        next[length] = code;
    }
    let mut codes = [0; N];
    for (code, &length) in codes.iter_mut().zip(lengths) {
        if length > 0 {
            let place = &mut next[usize::from(length)];
            *code = place.reverse_bits() >> (16 - length);
            *place += 1;
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bits that Huffman's method needs, by the textbook: join the two rarest until one is left.
    fn fewest_bits(counts: &[u32]) -> u32 {
        let mut waiting: Vec<u32> = counts.iter().copied().filter(|&c| c > 0).collect();
        let mut bits = 0;
        while waiting.len() > 1 {
            waiting.sort_unstable_by(|a, b| b.cmp(a));
            let sum = waiting.pop().unwrap() + waiting.pop().unwrap();
            bits += sum;
            waiting.push(sum);
        }
        bits
    }

    proptest! {
        #[test]
        fn codes_are_complete_bounded_and_short(
            counts in prop::collection::vec(prop_oneof![Just(0u32), 1..5u32, 1..60_000u32], 40),
            limit in 6usize..=15,
        ) {
            let counts: [u32; 40] = counts.try_into().unwrap();
            let used = counts.iter().filter(|&&c| c > 0).count();
            prop_assume!(used >= 2);
            let lengths = lengths(&counts, limit);
            let taken: u32 = lengths.iter().filter(|&&l| l > 0).map(|&l| 1u32 << (15 - l)).sum();
            prop_assert_eq!(taken, 1 << 15);
            prop_assert!(lengths.iter().all(|&l| usize::from(l) <= limit));
            prop_assert!(counts.iter().zip(&lengths).all(|(&c, &l)| (c > 0) == (l > 0)));
            let bits: u32 = counts.iter().zip(&lengths).map(|(&c, &l)| c * u32::from(l)).sum();
            if lengths.iter().all(|&l| usize::from(l) < limit) {
                prop_assert_eq!(bits, fewest_bits(&counts));
            }
        }
    }

    #[test]
    fn codes_are_those_of_the_specification() {
        // RFC 1951, 3.2.2: A to H with lengths 3, 3, 3, 3, 3, 2, 4, 4.
        let codes = codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let reversed = [0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111];
        assert_eq!(codes, reversed);
    }
}
