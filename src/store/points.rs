//! Buckets of points. A point has its weight, where it has one, beside its code, and its key, where it has one, in it or
//! beside it. Each pushing thread scatters into local chunks of its own and hands over full ones, so that
//! threads meet once a chunk; which thread brought which point changes nothing in any result. The store knows how
//! much it holds and whose turn it is to leave; turning points into counts is the business of the backend.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::account::Account;
use crate::counts::{Value, Weighed};
use crate::error::{Error, Result};
use crate::tile::{MAX_ZOOM, Points, WorldPoint, morton};

/// Points per handed-over chunk: 4 KiB, so that thousands of open chunks stay in the cache's reach. Less where
/// little room is to be shared by many threads, each of which may have a chunk open for every bucket; where even
/// small chunks would take too much, there are fewer buckets.
const CHUNK: usize = 512;
const SMALL_CHUNK: usize = 64;
const SMALLEST_CHUNK: usize = 32;
/// Bytes that a chunk costs beside its points.
const OVERHEAD: u64 = 40;
/// Bytes for the open chunks of 16 threads, however little room there is.
const OPEN: u64 = 4 << 20;
/// Points that are taken from the account together: threads meet there less often than once a chunk.
const GRAIN: u64 = 1 << 16;

/// A point as it waits.
pub trait Coded: Copy + Default + std::fmt::Debug + Send + Sync + 'static {
    /// What pixels hold that such points fall on.
    type Value: Value;

    /// A point of that Morton code, and of that weight where it has one.
    fn new(code: u64, weight: i64) -> Self;

    /// Its Morton code; what was cut off of it below is gone.
    fn code(&self) -> u64;

    /// Cuts bits off its code.
    fn cut(&mut self, bits: u32);

    /// Adds it to what its pixel holds. Nothing runs over: a session limits its points and their weights.
    fn add_to(self, pixel: &mut Self::Value);

    /// Brings points into the order of their codes.
    fn sort(points: &mut [Self]);
}

impl Coded for u64 {
    type Value = u32;

    #[inline]
    fn new(code: u64, _: i64) -> Self {
        code
    }

    #[inline]
    fn code(&self) -> u64 {
        *self
    }

    #[inline]
    fn cut(&mut self, bits: u32) {
        *self >>= bits;
    }

    #[inline]
    fn add_to(self, pixel: &mut u32) {
        *pixel += 1;
    }

    #[inline]
    fn sort(points: &mut [Self]) {
        points.sort_unstable();
    }
}

/// A point with a weight.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heavy {
    code: u64,
    weight: i64,
}

impl Coded for Heavy {
    type Value = Weighed;

    #[inline]
    fn new(code: u64, weight: i64) -> Self {
        Self { code, weight }
    }

    #[inline]
    fn code(&self) -> u64 {
        self.code
    }

    #[inline]
    fn cut(&mut self, bits: u32) {
        self.code >>= bits;
    }

    #[inline]
    fn add_to(self, pixel: &mut Weighed) {
        pixel.count += 1;
        pixel.sum = pixel.sum.wrapping_add(self.weight);
    }

    #[inline]
    fn sort(points: &mut [Self]) {
        points.sort_unstable_by_key(|point| point.code);
    }
}

/// A point that waits with its key, so that points of all keys lie in one bucket and are told apart when they leave it.
pub trait Keyed: Coded {
    /// The point with that key. Where there is no other room for it, it takes the place of the lowest 16 bits of the code, of
    /// which no zoom up to [`Self::DEEPEST`] makes anything.
    #[must_use]
    fn with_key(self, key: u16) -> Self;

    /// Its key.
    fn key(&self) -> u16;

    /// The highest zoom whose pixels such points resolve.
    const DEEPEST: u8;
}

/// Bits of a code that a key takes.
const KEY: u64 = 0xffff;

impl Keyed for u64 {
    const DEEPEST: u8 = MAX_ZOOM - 8;

    #[inline]
    fn with_key(self, key: u16) -> Self {
        (self & !KEY) | u64::from(key)
    }

    #[inline]
    fn key(&self) -> u16 {
        *self as u16
    }
}

impl Keyed for Heavy {
    const DEEPEST: u8 = MAX_ZOOM - 8;

    #[inline]
    fn with_key(self, key: u16) -> Self {
        Self { code: self.code.with_key(key), ..self }
    }

    #[inline]
    fn key(&self) -> u16 {
        self.code.key()
    }
}

/// A point with a key beside it, for the highest zooms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tagged<P> {
    point: P,
    key: u16,
}

impl<P: Coded> Coded for Tagged<P> {
    type Value = P::Value;

    #[inline]
    fn new(code: u64, weight: i64) -> Self {
        Self { point: P::new(code, weight), key: 0 }
    }

    #[inline]
    fn code(&self) -> u64 {
        self.point.code()
    }

    #[inline]
    fn cut(&mut self, bits: u32) {
        self.point.cut(bits);
    }

    #[inline]
    fn add_to(self, pixel: &mut P::Value) {
        self.point.add_to(pixel);
    }

    #[inline]
    fn sort(points: &mut [Self]) {
        points.sort_unstable_by_key(Coded::code);
    }
}

impl<P: Coded> Keyed for Tagged<P> {
    const DEEPEST: u8 = MAX_ZOOM;

    #[inline]
    fn with_key(self, key: u16) -> Self {
        Self { key, ..self }
    }

    #[inline]
    fn key(&self) -> u16 {
        self.key
    }
}

/// A bucket: the points in one coarse tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketKey {
    /// Morton code of the tile.
    pub tile: u64,
}

/// Chunks of one bucket, and at how many it should be looked at.
#[derive(Debug)]
struct Bucket<P> {
    /// The first ones were brought back, the last ones are taken first.
    chunks: VecDeque<Vec<P>>,
    review: usize,
}

/// All points so far, as Morton codes in buckets of one coarse zoom.
#[derive(Debug)]
pub struct PointStore<P: Coded = u64> {
    zoom: u8,
    /// Points it may hold before some have to leave.
    room: u64,
    chunk: usize,
    held: AtomicU64,
    /// What the points that are held take their bytes from, a grain at a time.
    account: Arc<Account>,
    /// Chunks after which a bucket is due for the first time.
    review: usize,
    /// By tile.
    buckets: Vec<Mutex<Bucket<P>>>,
}

impl<P: Coded> Drop for PointStore<P> {
    fn drop(&mut self) {
        self.account.give_back(self.held.load(Ordering::Relaxed) / GRAIN * GRAIN * Self::BYTES);
    }
}

impl<P: Coded> PointStore<P> {
    /// Bytes of a point.
    const BYTES: u64 = size_of::<P>() as u64;

    /// A store with one bucket per tile of `zoom` (at most 10: 4^zoom buckets) and no limit.
    pub fn new(zoom: u8) -> Self {
        Self::with_room(zoom, u64::MAX)
    }

    /// A store that is [full](Self::is_full) once it holds `room` points.
    pub fn with_room(zoom: u8, room: u64) -> Self {
        let mut store = Self::within(zoom, room.saturating_mul(Self::BYTES), Account::unbounded());
        store.room = room.max(1);
        store
    }

    /// A store that is [full](Self::is_full) before it takes more than `bytes`, open chunks of the current pool's
    /// threads included, or before `account` is overdrawn by others. Where it has little, its buckets are tiles of a
    /// lower zoom than `zoom`.
    pub fn within(zoom: u8, bytes: u64, account: Arc<Account>) -> Self {
        let layout = Layout::new(zoom.min(10), bytes, Self::BYTES, rayon::current_num_threads());
        let Layout { zoom, chunk, room } = layout;
        let empty = || Mutex::new(Bucket { chunks: VecDeque::new(), review: usize::MAX });
        let buckets = (0..1usize << (2 * zoom)).map(|_| empty()).collect();
        Self { zoom, room, chunk, held: AtomicU64::new(0), account, review: usize::MAX, buckets }
    }

    /// The store with buckets that are [due](PointSink::due) each time about `points` points have come to them.
    pub fn with_review(mut self, points: usize) -> Self {
        self.review = points.div_ceil(self.chunk).max(1);
        for bucket in &mut self.buckets {
            bucket.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).review = self.review;
        }
        self
    }

    /// The zoom of the bucket tiles.
    pub fn zoom(&self) -> u8 {
        self.zoom
    }

    /// A way in for one thread; what it holds reaches the store when it is full or closed.
    pub fn sink(&self) -> PointSink<'_, P> {
        PointSink { store: self, local: vec![Vec::new(); self.buckets.len()], due: Vec::new() }
    }

    /// Whether points should leave before more come.
    pub fn is_full(&self) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        // Few points are not what others lack.
        held >= self.room || (held >= self.room / 8 && self.account.is_overdrawn())
    }

    fn hold(&self, points: usize) {
        let before = self.held.fetch_add(points as u64, Ordering::Relaxed);
        let grains = (before + points as u64) / GRAIN - before / GRAIN;
        if grains > 0 {
            self.account.add_anyway(grains * GRAIN * Self::BYTES);
        }
    }

    fn release(&self, points: usize) {
        let before = self.held.fetch_sub(points as u64, Ordering::Relaxed);
        let grains = before / GRAIN - (before - points as u64) / GRAIN;
        if grains > 0 {
            self.account.give_back(grains * GRAIN * Self::BYTES);
        }
    }

    /// Whether it holds more than half of what makes it full.
    pub fn is_half_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.room / 2
    }

    /// Does something with a bucket.
    fn with<T>(&self, key: BucketKey, work: impl FnOnce(&mut Bucket<P>) -> T) -> Result<T> {
        let bucket = usize::try_from(key.tile).ok().and_then(|at| self.buckets.get(at));
        let bucket = bucket.ok_or_else(|| Error::Internal(format!("there is no bucket {} of points", key.tile)))?;
        Ok(work(&mut *bucket.lock().map_err(poisoned)?))
    }

    /// The buckets that hold points, ascending, with their number of points.
    pub fn buckets(&self) -> Result<Vec<(BucketKey, usize)>> {
        let mut filled = Vec::new();
        for (tile, bucket) in (0..).zip(&self.buckets) {
            let len: usize = bucket.lock().map_err(poisoned)?.chunks.iter().map(Vec::len).sum();
            if len > 0 {
                filled.push((BucketKey { tile }, len));
            }
        }
        Ok(filled)
    }

    /// The fullest buckets, which together hold half of all points: those that should leave a full store.
    pub fn fullest(&self) -> Result<Vec<BucketKey>> {
        let mut buckets = self.buckets()?;
        let half = buckets.iter().map(|b| b.1).sum::<usize>() / 2;
        buckets.sort_by_key(|b| std::cmp::Reverse(b.1));
        let mut taken = 0;
        let enough = buckets.iter().position(|bucket| {
            taken += bucket.1;
            taken >= half
        });
        Ok(buckets.iter().take(enough.map_or(0, |last| last + 1)).map(|b| b.0).collect())
    }

    /// Points of one bucket.
    pub fn len(&self, bucket: BucketKey) -> Result<usize> {
        self.with(bucket, |bucket| bucket.chunks.iter().map(Vec::len).sum())
    }

    /// Takes the points of one bucket out of the store, in no particular order.
    pub fn take(&self, bucket: BucketKey) -> Result<Vec<P>> {
        self.take_some(bucket, usize::MAX)
    }

    /// Takes about `most` points of a bucket (all of them, or whole chunks up to one chunk more).
    pub fn take_some(&self, bucket: BucketKey, most: usize) -> Result<Vec<P>> {
        let chunks = self.with(bucket, |bucket| {
            let chunks = &mut bucket.chunks;
            let mut taken = 0;
            let keep = chunks.iter().rev().position(|chunk| {
                taken += chunk.len();
                taken >= most
            });
            let some = chunks.split_off(keep.map_or(0, |from_end| chunks.len() - 1 - from_end));
            if chunks.is_empty() {
                // Room for a chunk's place is room, too.
                chunks.shrink_to_fit();
            }
            some
        })?;
        let mut codes = Vec::with_capacity(chunks.iter().map(Vec::len).sum());
        for chunk in chunks {
            codes.extend_from_slice(&chunk);
        }
        self.release(codes.len());
        Ok(codes)
    }

    /// Brings points back that were taken from a bucket; it is due again once it has twice as many.
    pub fn put_back(&self, bucket: BucketKey, codes: &[P]) -> Result<()> {
        self.with(bucket, |bucket| {
            codes.chunks(self.chunk).for_each(|chunk| bucket.chunks.push_front(chunk.to_vec()));
            bucket.review = bucket.chunks.len().saturating_mul(2).max(self.review);
        })?;
        self.hold(codes.len());
        Ok(())
    }

    /// Whether the bucket is due for the first time since points were brought back to it.
    fn put(&self, bucket: BucketKey, chunk: Vec<P>) -> Result<bool> {
        self.hold(chunk.len());
        self.with(bucket, |bucket| {
            bucket.chunks.push_back(chunk);
            let due = bucket.chunks.len() >= bucket.review;
            if due {
                // Until it was looked at, nobody else shall.
                bucket.review = usize::MAX;
            }
            due
        })
    }
}

/// How a store's room is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    zoom: u8,
    /// Points of a chunk.
    chunk: usize,
    /// Points that chunks which were handed over may hold.
    room: u64,
}

impl Layout {
    fn new(most: u8, bytes: u64, point: u64, threads: usize) -> Self {
        let threads = threads.max(1) as u64;
        let open = (bytes / 4 / threads).max(OPEN / threads.max(16));
        let fitting = |zoom: u8| ((open >> (2 * zoom)).saturating_sub(OVERHEAD) / point) as usize;
        let zoom = (0..=most).rev().find(|&zoom| fitting(zoom) >= SMALL_CHUNK).unwrap_or(0);
        let chunk = fitting(zoom).clamp(SMALLEST_CHUNK, CHUNK);
        let each = chunk as u64 * point + OVERHEAD;
        let taken = (threads * each) << (2 * zoom);
        let room = (bytes - taken.min(bytes / 4)) / each * chunk as u64;
        Self { zoom, chunk, room: room.max(1) }
    }
}

fn poisoned<T>(_: std::sync::PoisonError<T>) -> Error {
    Error::Internal("a thread died while it stored points".into())
}

/// One thread's way into a [`PointStore`].
#[derive(Debug)]
pub struct PointSink<'a, P: Coded = u64> {
    store: &'a PointStore<P>,
    local: Vec<Vec<P>>,
    due: Vec<BucketKey>,
}

impl<P: Coded> PointSink<'_, P> {
    /// Adds points to be counted.
    pub fn push(&mut self, points: &[WorldPoint]) -> Result<()> {
        let coded = points.iter().map(|&point| P::new(morton(point), 0));
        scatter(self.store, coded, &mut self.local, &mut self.due)
    }

    /// Adds points to be counted, each with its weight.
    pub fn push_heavy(&mut self, points: &[WorldPoint], weights: &[i64]) -> Result<()> {
        debug_assert!(points.len() == weights.len(), "a weight for each point");
        let coded = points.iter().zip(weights).map(|(&point, &weight)| P::new(morton(point), weight));
        scatter(self.store, coded, &mut self.local, &mut self.due)
    }

    /// Adds points to be counted by their keys, each with its weight where they have any.
    pub fn push_keyed(&mut self, points: Points<'_>) -> Result<()>
    where
        P: Keyed,
    {
        debug_assert!(points.is_parallel() && points.keys.len() == points.len(), "a key for each point");
        let Points { places, weights, keys } = points;
        let keyed = places.iter().zip(keys);
        if weights.is_empty() {
            let coded = keyed.map(|(&point, &key)| P::new(morton(point), 0).with_key(key));
            scatter(self.store, coded, &mut self.local, &mut self.due)
        } else {
            let coded = keyed.zip(weights);
            let coded = coded.map(|((&point, &key), &weight)| P::new(morton(point), weight).with_key(key));
            scatter(self.store, coded, &mut self.local, &mut self.due)
        }
    }

    /// A bucket that has become long enough to be looked at; who asks must [put back](PointStore::put_back) what
    /// shall stay, be it nothing.
    pub fn due(&mut self) -> Option<BucketKey> {
        self.due.pop()
    }

    /// Hands everything still held to the store.
    pub fn close(&mut self) -> Result<()> {
        for (tile, rest) in (0..).zip(&mut self.local).filter(|(_, rest)| !rest.is_empty()) {
            hand_over(self.store, BucketKey { tile }, std::mem::take(rest), &mut self.due)?;
        }
        Ok(())
    }
}

/// Puts points into open chunks and hands full ones over.
#[inline]
fn scatter<P: Coded>(
    store: &PointStore<P>,
    points: impl Iterator<Item = P>,
    open: &mut [Vec<P>],
    due: &mut Vec<BucketKey>,
) -> Result<()> {
    let zoom = u32::from(store.zoom);
    for point in points {
        let tile = point.code().checked_shr(64 - 2 * zoom).unwrap_or(0);
        let local = &mut open[tile as usize];
        local.push(point);
        if local.len() == store.chunk {
            let full = std::mem::replace(local, Vec::with_capacity(store.chunk));
            hand_over(store, BucketKey { tile }, full, due)?;
        }
    }
    Ok(())
}

fn hand_over<P: Coded>(
    store: &PointStore<P>,
    bucket: BucketKey,
    chunk: Vec<P>,
    due: &mut Vec<BucketKey>,
) -> Result<()> {
    if store.put(bucket, chunk)? {
        due.push(bucket);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(tile: u64) -> BucketKey {
        BucketKey { tile }
    }

    #[test]
    fn a_full_store_gives_its_fullest_buckets_and_loses_nothing() {
        let store = PointStore::<u64>::with_room(1, 4_000);
        let mut sink = store.sink();
        let at = |quadrant: u32, n: usize| vec![WorldPoint { x: quadrant << 31, y: (quadrant >> 1) << 31 }; n];
        sink.push(&at(0, 3_000)).unwrap();
        assert!(!store.is_full());
        sink.push(&at(1, 1_500)).unwrap();
        sink.push(&at(3, 700)).unwrap();
        sink.close().unwrap();
        assert!(store.is_full());
        assert_eq!(store.fullest().unwrap(), [bucket(0)]);
        let mut taken = 0;
        while taken < 3_000 {
            let some = store.take_some(bucket(0), 1_000).unwrap().len();
            assert!((1_000..1_000 + CHUNK).contains(&some) || taken + some == 3_000, "{some}");
            taken += some;
        }
        assert!(!store.is_full());
        assert_eq!(store.buckets().unwrap(), [(bucket(1), 1_500), (bucket(3), 700)]);
        assert_eq!(store.take(bucket(1)).unwrap().len() + store.take(bucket(3)).unwrap().len(), 2_200);
    }

    /// A key changes no bit of a code that its zooms look at, and comes back as it was.
    #[test]
    fn a_key_goes_with_its_point() {
        fn check<P: Keyed>(code: u64, key: u16) {
            let keyed = P::new(code, -5).with_key(!key).with_key(key);
            assert_eq!(keyed.key(), key);
            for zoom in [0, 3, P::DEEPEST] {
                let (mut plain, mut keyed) = (P::new(code, -5), keyed);
                let below = 48 - 2 * u32::from(zoom);
                plain.cut(below);
                keyed.cut(below);
                assert_eq!(plain.code(), keyed.code(), "{zoom}");
            }
            let (mut plain, mut with) = (P::Value::default(), P::Value::default());
            P::new(code, -5).add_to(&mut plain);
            keyed.add_to(&mut with);
            assert_eq!(plain, with);
        }
        for code in [0, u64::MAX, 0x1234_5678_9abc_def0] {
            for key in [0, 1, 64, u16::MAX] {
                check::<u64>(code, key);
                check::<Heavy>(code, key);
                check::<Tagged<u64>>(code, key);
                check::<Tagged<Heavy>>(code, key);
            }
        }
        assert_eq!((size_of::<Tagged<u64>>(), size_of::<Tagged<Heavy>>()), (16, 24));
    }

    #[test]
    fn a_bucket_is_due_when_it_has_grown() {
        let store = PointStore::<u64>::with_room(0, 1 << 20).with_review(1_000);
        let mut sink = store.sink();
        let points = vec![WorldPoint::default(); 1_024];
        sink.push(&points[..1_023]).unwrap();
        assert_eq!(sink.due(), None);
        sink.push(&points[..1]).unwrap();
        assert_eq!(sink.due(), Some(bucket(0)));
        assert_eq!(sink.due(), None);
        let taken = store.take(bucket(0)).unwrap();
        assert_eq!(taken.len(), 1_024);
        store.put_back(bucket(0), &taken).unwrap();
        sink.push(&points).unwrap();
        assert_eq!(sink.due(), Some(bucket(0)), "twice as many are due again");
        assert_eq!(store.buckets().unwrap(), [(bucket(0), 2_048)]);
    }

    #[test]
    fn chunks_that_are_open_and_points_that_wait_fit_the_bytes() {
        for bytes in [512 << 10, 2 << 20, 32 << 20, 1 << 30, 1 << 40] {
            for threads in [1, 2, 16, 64, 256, 1024] {
                let Layout { zoom, chunk, room } = Layout::new(7, bytes, 8, threads);
                let each = chunk as u64 * 8 + OVERHEAD;
                let open = (threads as u64 * each) << (2 * zoom);
                let outside = OPEN.max(threads as u64 * each);
                assert!(open <= (bytes / 4).max(outside), "{bytes} {threads}: {open}");
                let waiting = room / chunk as u64 * each;
                assert!(waiting + open <= bytes + outside && waiting >= bytes / 2, "{bytes} {threads}: {waiting}");
            }
        }
        assert_eq!(Layout::new(7, u64::MAX, 8, 64).chunk, CHUNK);
        assert_eq!(Layout::new(7, 1 << 36, 8, 64).zoom, 7);
    }

    #[test]
    fn what_waits_is_taken_from_the_account_and_given_back() {
        let account = Account::new(1 << 30);
        let store = PointStore::<u64>::within(2, 1 << 29, account.clone());
        let mut sink = store.sink();
        let points = vec![WorldPoint::default(); 200_000];
        sink.push(&points).unwrap();
        assert_eq!(account.held(), 3 * GRAIN * 8);
        assert_eq!(store.take_some(bucket(0), 100_000).unwrap().len().next_multiple_of(1 << 10), 100_352);
        assert_eq!(account.held(), GRAIN * 8);
        sink.push(&points).unwrap();
        assert!(!store.is_full());
        let _others = account.force(1 << 30);
        assert!(!store.is_full(), "few points are not what others lack");
        drop(sink);
        drop(store);
        assert_eq!(account.held(), 1 << 30);
    }
}
