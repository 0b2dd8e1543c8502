//! Points that are counted by key: each key has a pyramid of its own, all in one vault. Points of all keys wait together and
//! carry their keys, so that how many keys there are need not be known, and costs nothing, before they are counted. What leaves
//! a bucket is told apart by key, then binned as all points are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::bin::{self, Binning};
use super::turns::Turns;
use super::waiting::{GROUP, groups};
use crate::backend::host::{add_weights, count_points};
use crate::backend::{BackendReport, Plan, PointPush};
use crate::counts::{Holds, Step, Value, Weighed};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::store::{BucketKey, CountPart, CountStore, Heavy, Keyed, PointSink, PointStore, Runs, Tagged};
use crate::tile::Points;

/// Buckets are tiles of this zoom, or of the highest: coarser than those of points without keys, so that more points of a key
/// leave one together.
const BUCKET_ZOOM: u8 = 5;
/// Groups of buckets for a thread: for each of them every key has a part of its own.
const GROUPS: usize = 8;

/// What pixels of planes by key can hold.
pub trait KeyedValue: Value {
    /// A point of such planes.
    type Point: Keyed<Value = Self>;
}

impl KeyedValue for u32 {
    type Point = u64;
}

impl KeyedValue for Weighed {
    type Point = Heavy;
}

/// Points on their way to counts by key.
pub trait CountKeyed<V>: Send + Sync {
    /// A way in for one reading thread; its points have keys, and weights where pixels hold sums. Several may be open at once.
    fn pusher(&self) -> Box<dyn PointPush + '_>;

    /// No more points: the pyramids of some keys in this order, down to zoom 0, in one vault; that of a key without points is
    /// empty. Fails where a key with points is not among them.
    fn finish(self: Box<Self>, keys: &[u16]) -> Result<(Vec<CountStore<V>>, BackendReport)>;
}

/// A session that counts by key for `plan`, whose pixels hold counts (`u32`) or counts and sums ([`Weighed`]). Call it and its
/// methods within the rayon pool that shall do the work.
pub fn keyed<V: KeyedValue>(plan: Plan) -> Box<dyn CountKeyed<V>> {
    if plan.zooms.max <= V::Point::DEEPEST {
        Box::new(CpuKeyed::<V::Point>::new(plan))
    } else {
        Box::new(CpuKeyed::<Tagged<V::Point>>::new(plan))
    }
}

/// Points that are counted by key on the processor.
#[derive(Debug)]
struct CpuKeyed<P: Keyed> {
    plan: Plan,
    points: PointStore<P>,
    /// Counts that were made early, by key.
    runs: Mutex<BTreeMap<u16, Arc<Runs<P::Value>>>>,
    /// Nothing but where counts wait.
    counts: CountStore<P::Value>,
    /// Points that a thread takes out of a bucket at a time.
    most: usize,
    pushed: AtomicU64,
    /// What absolute weights come to so far, in steps.
    weights: AtomicU64,
    flushes: AtomicU64,
    turns: Turns,
}

struct KeyedPush<'a, P: Keyed> {
    sink: PointSink<'a, P>,
    backend: &'a CpuKeyed<P>,
}

/// Parts, each of one key.
type PartsByKey<V> = Vec<(u16, CountPart<V>)>;

impl<P: Keyed> PointPush for KeyedPush<'_, P> {
    fn push(&mut self, points: Points<'_>) -> Result<()> {
        let backend = self.backend;
        if points.keys.len() != points.len() {
            return Err(Error::Internal("points that are counted by key have none".into()));
        }
        count_points(&backend.pushed, points.len() as u64)?;
        backend.monitor().time(Stage::Store, || {
            if P::Value::HOLDS == Holds::Sums {
                let step = backend.plan.measuring.map_or_else(Step::default, |measuring| measuring.step);
                add_weights(&backend.weights, points.weights, step)?;
            }
            self.sink.push_keyed(points)
        })?;
        backend.relieve()
    }

    fn close(&mut self) -> Result<()> {
        self.sink.close()
    }
}

impl<P: Keyed> CountKeyed<P::Value> for CpuKeyed<P> {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(KeyedPush { sink: self.points.sink(), backend: self })
    }

    fn finish(self: Box<Self>, keys: &[u16]) -> Result<(Vec<CountStore<P::Value>>, BackendReport)> {
        let mut parts = self.parts()?;
        let Self { plan, points, counts, flushes, .. } = *self;
        drop(points);
        plan.memory.account.return_freed();
        let mut report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        report.flushes = flushes.into_inner();
        let mut all = Vec::with_capacity(keys.len());
        for key in keys {
            let mut store = counts.another();
            let own = parts.remove(key).unwrap_or_default();
            report.sparse_tiles += own.iter().map(|part| part.sparse_tiles).sum::<u64>();
            report.sparse_points += own.iter().map(|part| part.sparse_points).sum::<u64>();
            store.set_zoom(plan.zooms.max, own)?;
            all.push(store);
        }
        if let Some(key) = parts.keys().next() {
            return Err(Error::Internal(format!("points have a key {key} that nobody asked for")));
        }
        let max = plan.zooms.max;
        let lit = |store: &CountStore<P::Value>| store.stats(max).map_or(0, |stats| stats.lit);
        // What is a thread's share of the work is cut up, the others are work for one thread each.
        let share = all.iter().map(lit).sum::<u64>() / (2 * rayon::current_num_threads() as u64);
        all.par_iter_mut().filter(|store| lit(store) > 0).try_for_each(|store| {
            let alone = lit(store) < share;
            (0..max).rev().try_for_each(|z| {
                plan.monitor.check()?;
                plan.monitor.time(Stage::Reduce, || if alone { store.reduce_alone(z) } else { store.reduce(z) })
            })
        })?;
        report.spilled_bytes = counts.spilled();
        Ok((all, report))
    }
}

impl<P: Keyed> CpuKeyed<P> {
    fn new(plan: Plan) -> Self {
        let threads = rayon::current_num_threads();
        let max = plan.zooms.max;
        let (points, account) = (plan.memory.points(), plan.memory.account.clone());
        Self {
            points: PointStore::within(max.min(BUCKET_ZOOM), points, account),
            runs: Mutex::default(),
            counts: CountStore::in_vault(max, Arc::new(plan.memory.vault())),
            // Points and scratch.
            most: plan.memory.piece(threads, 2 * size_of::<P>() as u64),
            pushed: AtomicU64::new(0),
            weights: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            turns: Turns::default(),
            plan,
        }
    }

    fn monitor(&self) -> &Arc<Monitor> {
        &self.plan.monitor
    }

    /// Makes room in a full store by turning its fullest buckets into counts.
    fn relieve(&self) -> Result<()> {
        if !self.points.is_full() {
            return Ok(());
        }
        self.turns.take(self.monitor(), || if self.points.is_full() { self.flush() } else { Ok(()) })
    }

    fn flush(&self) -> Result<()> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        let mut buckets = self.points.fullest()?;
        buckets.sort_unstable();
        self.bin(&buckets, None, |key, part| self.runs_of(key).add(part))
    }

    fn runs_of(&self, key: u16) -> Arc<Runs<P::Value>> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let work = self.plan.memory.work(rayon::current_num_threads());
            Arc::new(Runs::new(self.plan.zooms.max, work, self.monitor().clone()))
        };
        runs.entry(key).or_insert_with(new).clone()
    }

    /// No more points will come: counts what waits, and adds what was counted before. Gives for each key ascending parts that
    /// have no tile in common.
    fn parts(&self) -> Result<BTreeMap<u16, Vec<CountPart<P::Value>>>> {
        let again = AtomicBool::new(false);
        let buckets = self.points.buckets()?;
        let points: usize = buckets.iter().map(|bucket| bucket.1).sum();
        let groups = groups(&buckets, points.div_ceil(GROUPS * rayon::current_num_threads()).max(GROUP));
        let all: Vec<Vec<(u16, CountPart<P::Value>)>> = groups
            .into_par_iter()
            .map(|buckets| {
                let mut parts = Vec::new();
                self.bin(&buckets, Some(&again), |key, part| {
                    parts.push((key, part));
                    Ok(())
                })?;
                Ok(parts)
            })
            .collect::<Result<_>>()?;
        let mut parts: BTreeMap<u16, Vec<CountPart<P::Value>>> = BTreeMap::new();
        all.into_iter().flatten().for_each(|(key, part)| parts.entry(key).or_default().push(part));
        let again = again.into_inner();
        let early = std::mem::take(&mut *self.runs.lock().unwrap_or_else(PoisonError::into_inner));
        for &key in early.keys() {
            parts.entry(key).or_default();
        }
        let settled = parts.into_par_iter().map(|(key, parts)| {
            let runs = match early.get(&key) {
                Some(runs) => runs.clone(),
                None if again => self.runs_of(key),
                None => return Ok((key, parts)),
            };
            parts.into_iter().try_for_each(|part| runs.add(part))?;
            Ok((key, runs.settle()?))
        });
        settled.collect()
    }

    /// Takes the points of some buckets (ascending) out of the store and counts them by key, so many at a time; parts go to
    /// `each` when they are full. With `share`, many points are split between the threads of the current pool; it is set when
    /// some tiles may be in several parts of a key.
    fn bin(
        &self,
        buckets: &[BucketKey],
        share: Option<&AtomicBool>,
        mut each: impl FnMut(u16, CountPart<P::Value>) -> Result<()>,
    ) -> Result<()> {
        let (root, zoom, monitor) = (self.points.zoom(), self.plan.zooms.max, self.monitor());
        let mut binning = Binning::new(self.counts.part());
        let (mut open, mut since, mut scratch) = (BTreeMap::new(), 0, Vec::new());
        for &bucket in buckets {
            for round in 0.. {
                monitor.check()?;
                let mut points = self.points.take_some(bucket, self.most)?;
                if points.is_empty() {
                    break;
                }
                let long = points.len() > bin::SPLIT && share.is_some();
                // What parts have open is less than their points took.
                if round > 0 || long || since + points.len() > self.most {
                    close(&mut open, &mut each)?;
                    since = 0;
                }
                if let Some(again) = share.filter(|_| round > 0) {
                    again.store(true, Ordering::Relaxed);
                }
                since += points.len();
                let runs = monitor.time(Stage::Bin, || by_key(&mut points, &mut scratch));
                if long {
                    let parts = monitor.time(Stage::Bin, || self.shared(&mut points, &runs))?;
                    parts.into_iter().flatten().try_for_each(|(key, part)| each(key, part))?;
                    since = 0;
                    continue;
                }
                monitor.time(Stage::Bin, || {
                    let mut rest = points.as_mut_slice();
                    for &(key, len) in &runs {
                        let own;
                        (own, rest) = std::mem::take(&mut rest).split_at_mut(len);
                        let part = open.entry(key).or_insert_with(|| self.counts.part());
                        binning.bucket_into(part, own, root, zoom)?;
                    }
                    Ok::<_, Error>(())
                })?;
            }
        }
        close(&mut open, &mut each)
    }

    /// Counts points that lie in runs of one key each, on all threads.
    fn shared(&self, points: &mut [P], runs: &[(u16, usize)]) -> Result<Vec<PartsByKey<P::Value>>> {
        let (root, zoom) = (self.points.zoom(), self.plan.zooms.max);
        let (mut pieces, mut rest) = (Vec::with_capacity(runs.len()), points);
        for &(key, len) in runs {
            let own;
            (own, rest) = std::mem::take(&mut rest).split_at_mut(len);
            pieces.push((key, own));
        }
        let count = |(key, own): (u16, &mut [P])| {
            self.monitor().check()?;
            if own.len() > bin::SPLIT {
                let parts = bin::shared(own.to_vec(), root, zoom, || self.counts.part())?;
                return Ok(parts.into_iter().map(|part| (key, part)).collect());
            }
            let mut part = self.counts.part();
            Binning::new(self.counts.part()).bucket_into(&mut part, own, root, zoom)?;
            Ok(vec![(key, part.sealed()?)])
        };
        pieces.into_par_iter().map(count).collect()
    }
}

/// Hands over what is open.
fn close<V: Value>(
    open: &mut BTreeMap<u16, CountPart<V>>,
    each: &mut impl FnMut(u16, CountPart<V>) -> Result<()>,
) -> Result<()> {
    std::mem::take(open).into_iter().try_for_each(|(key, part)| each(key, part.sealed()?))
}

/// Brings points into the order of their keys; gives the keys, ascending, with their numbers of points.
fn by_key<P: Keyed>(points: &mut Vec<P>, scratch: &mut Vec<P>) -> Vec<(u16, usize)> {
    let keys = points.iter().map(|point| usize::from(point.key()) + 1).max().unwrap_or(0);
    if points.len() < keys {
        points.sort_unstable_by_key(Keyed::key);
        return points.chunk_by(|a, b| a.key() == b.key()).map(|same| (same[0].key(), same.len())).collect();
    }
    let mut ends = vec![0usize; keys];
    for point in &*points {
        ends[usize::from(point.key())] += 1;
    }
    let runs = (0..=u16::MAX).zip(&ends).filter(|(_, len)| **len > 0).map(|(key, len)| (key, *len)).collect();
    let mut next = 0;
    for end in &mut ends {
        next += std::mem::replace(end, next);
    }
    scratch.clear();
    scratch.resize(points.len(), P::default());
    for point in &*points {
        let end = &mut ends[usize::from(point.key())];
        scratch[*end] = *point;
        *end += 1;
    }
    std::mem::swap(points, scratch);
    runs
}

#[cfg(test)]
mod tests;
