//! Reading with one thread per sink: each takes the next piece, decodes it and hands the rows to its own sink, so that
//! nothing but the hand-out of pieces is shared. The first failure or panic ends all threads at their next row batch.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::BatchSink;
use super::choice::PassedOver;
use super::doubt::Doubt;
use super::format::{Desk, Filter, Outlet, Piece, Source};
use super::input::lock;
use super::notice::Notice;
use super::open::Opened;
use super::rejects::RejectLog;
use super::report::{FileReport, ReadReport};
use super::stop::Stop;
use super::tally::{Reject, Tally};
use super::{key, weight};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::project::{AreaOfUse, Crs};

/// Bytes per piece: enough to hide the cost of a hand-out, little enough to stay in a core's cache.
const PIECE: usize = 1 << 20;
/// Threads that have pieces of that size; more of them share as much.
const FULL_PIECES: usize = 16;
/// The least piece.
const LEAST_PIECE: usize = 64 << 10;

/// Bytes of a piece for a number of threads, so that what all of them hold stays bounded.
fn piece_size(threads: usize) -> usize {
    (FULL_PIECES * PIECE / threads.max(FULL_PIECES)).max(LEAST_PIECE)
}

impl Opened {
    /// Reads every input to its end and hands the rows to `sinks`, each called from a thread of its own (with no sink
    /// at all nothing is read). Which sink gets which row is not fixed; together they get each row that holds two
    /// finite numbers exactly once. A batch holds rows of one input.
    ///
    /// Fails with [`Error::Input`] or [`Error::Io`] naming the input, also where it changed since it was opened, with
    /// what a sink fails with, with [`Error::Interrupted`] once `monitor` is cancelled, and with [`Error::Internal`]
    /// where a sink panics.
    pub fn read<S: BatchSink>(self, monitor: &Monitor, sinks: &mut [S]) -> Result<ReadReport> {
        let piece = piece_size(sinks.len());
        self.read_in_pieces(piece, monitor, sinks)
    }

    pub(super) fn read_in_pieces<S: BatchSink>(
        self,
        piece: usize,
        monitor: &Monitor,
        sinks: &mut [S],
    ) -> Result<ReadReport> {
        let (report, _, problem) = self.gather(piece, None, monitor, sinks)?;
        problem.map_or(Ok(report), Err)
    }

    /// Reads as [`Opened::read`], but no more of an input once `rows` of its rows were read. Also gives whether all were,
    /// and the first reason why a run would fail.
    pub fn survey<S: BatchSink>(
        self,
        rows: u64,
        monitor: &Monitor,
        sinks: &mut [S],
    ) -> Result<(ReadReport, bool, Option<Error>)> {
        let piece = piece_size(sinks.len());
        self.gather(piece, Some(rows), monitor, sinks)
    }

    fn gather<S: BatchSink>(
        self,
        piece: usize,
        most: Option<u64>,
        monitor: &Monitor,
        sinks: &mut [S],
    ) -> Result<(ReadReport, bool, Option<Error>)> {
        if sinks.is_empty() {
            return Ok((ReadReport::new(self.reports(), self.notices), false, None));
        }
        let stop = Stop::new(monitor).of(sinks.len());
        let filters: Vec<_> = self.options.iter().map(Filter::of).collect();
        let areas = self.areas()?;
        let ledger = Ledger::new(&self, &areas);
        let (keep, keys) = (self.rejects.is_some(), self.keys.as_deref());
        let shared = Mutex::new(Shared { sources: &self.sources, at: 0, first: true, most, whole: true, ledger });
        let failure = Mutex::new(None);
        std::thread::scope(|scope| {
            let threads: Vec<_> = sinks
                .iter_mut()
                .map(|sink| {
                    let (shared, asked, stop, failure) = (&shared, (&*filters, &*areas), &stop, &failure);
                    scope.spawn(move || {
                        let guard = stop.guard();
                        let mut out = Outlet::new(sink, keep, monitor, stop);
                        out.keys = keys;
                        match work(shared, piece, asked, &mut out) {
                            Ok(()) => guard.disarm(),
                            // Kept before the others are told, whose errors are its consequence.
                            Err(error) => _ = lock(failure).get_or_insert(error),
                        }
                    })
                })
                .collect();
            for thread in threads {
                if thread.join().is_err() {
                    let died = Error::Internal("a thread died while it read".into());
                    // Others may have said that they were stopped by it.
                    *lock(&failure) = Some(died);
                }
            }
        });
        // A wish to stop came first, whatever it led to.
        monitor.check()?;
        if let Some(error) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(error);
        }
        for source in &self.sources {
            source.verify()?;
        }
        let shared = shared.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let whole = shared.whole;
        let Judged { files, notices: found, passed, problem } = shared.ledger.judged()?;
        let mut notices = self.notices;
        notices.extend(found);
        let mut report = ReadReport::new(files, notices);
        if let Some(options) = self.options.first() {
            report = report.holding(options, &passed.values);
        }
        report.keys = self.keys.as_deref().map(key::KeyTable::keys);
        Ok((report, whole, problem))
    }

    /// Where the system of each input is used: to be asked of a few, however many inputs there are.
    fn areas(&self) -> Result<Vec<Option<Arc<AreaOfUse>>>> {
        let mut known: Vec<(&Crs, Option<Arc<AreaOfUse>>)> = Vec::new();
        let mut areas = Vec::with_capacity(self.sources.len());
        for about in self.sources.iter().map(|source| source.about()) {
            let area = match known.iter().find(|(crs, _)| **crs == about.crs) {
                Some((_, area)) => area.clone(),
                None => {
                    let area = AreaOfUse::of(&about.crs, about.projected)?.map(Arc::new);
                    known.push((&about.crs, area.clone()));
                    area
                }
            };
            areas.push(area);
        }
        Ok(areas)
    }

    fn reports(&self) -> Vec<FileReport> {
        self.sources.iter().map(|source| source.about().report()).collect()
    }
}

/// The hand-out.
struct Shared<'a> {
    sources: &'a [Box<dyn Source>],
    /// The source whose pieces are handed out.
    at: usize,
    /// Whether none of its pieces was handed out yet.
    first: bool,
    /// Rows of an input after which no more of it is handed out.
    most: Option<u64>,
    /// Whether all of every input was.
    whole: bool,
    ledger: Ledger<'a>,
}

/// A piece that was handed out: its input and its place in the ledger.
struct Ticket<'a> {
    input: usize,
    number: u64,
    first: bool,
    piece: Box<dyn Piece + 'a>,
}

impl<'a> Shared<'a> {
    /// The next piece of all inputs.
    fn next(&mut self, desk: &mut Desk, stop: &Stop<'_>) -> Result<Option<Ticket<'a>>> {
        let sources = self.sources;
        while let Some(source) = sources.get(self.at) {
            stop.check()?;
            let enough = self.most.is_some_and(|most| self.ledger.judged.files[self.at].rows >= most);
            if enough {
                self.whole = false;
            } else if let Some(piece) = source.pull(desk, stop)? {
                let first = std::mem::replace(&mut self.first, false);
                return Ok(Some(Ticket { input: self.at, number: self.ledger.open(self.at), first, piece }));
            }
            self.at += 1;
            self.first = true;
        }
        Ok(None)
    }
}

/// What became of each input.
struct Judged {
    files: Vec<FileReport>,
    notices: Vec<Notice>,
    /// Rows of all inputs that nobody asked for.
    passed: PassedOver,
    /// The first reason why the run fails.
    problem: Option<Error>,
}

/// How many rows each piece held, added up in order: the number of a row needs those before it.
struct Ledger<'a> {
    judged: Judged,
    /// The input whose pieces are added, which is all before it, and what was gathered of it. That takes some room, which
    /// thousands of inputs at a time should not have.
    at: usize,
    doubt: Doubt,
    opened: &'a Opened,
    areas: &'a [Option<Arc<AreaOfUse>>],
    rejects: Option<&'a RejectLog>,
    /// The number of the first piece that was not added yet, and all that were handed out since.
    first: u64,
    waiting: VecDeque<(usize, Option<Tally>)>,
    /// Which row ended the run.
    ended: Option<String>,
}

impl<'a> Ledger<'a> {
    fn new(opened: &'a Opened, areas: &'a [Option<Arc<AreaOfUse>>]) -> Self {
        Self {
            judged: Judged {
                files: opened.reports(),
                notices: Vec::new(),
                passed: PassedOver::default(),
                problem: None,
            },
            at: 0,
            doubt: Doubt::default(),
            opened,
            areas,
            rejects: opened.rejects.as_deref(),
            first: 0,
            waiting: VecDeque::new(),
            ended: None,
        }
    }

    /// Judges every input before `input`: all of their rows are known.
    fn judge_before(&mut self, input: usize) {
        while self.at < input {
            let doubt = std::mem::take(&mut self.doubt);
            let Judged { files, notices, problem, .. } = &mut self.judged;
            let (file, about) = (&files[self.at], self.opened.sources[self.at].about());
            let area = self.areas.get(self.at).and_then(Option::as_deref);
            // What was found out of the columns is so in all rows.
            notices.extend(about.notices.iter().map(|notice| notice.clone().of_all(file.rows)));
            let (found, error) = doubt.judge(file, &self.opened.options[self.at], !about.projected, area);
            notices.extend(found);
            notices.extend(weight::notice(file, &self.opened.options[self.at]));
            notices.extend(key::notice(&files[self.at]));
            // What is doubtful as a whole is known when all shares are there.
            let error = match (error, self.opened.shared) {
                (Some(error), Some(_)) => {
                    files[self.at].doubt = Some(error.to_string());
                    None
                }
                (error, _) => error,
            };
            let file = &files[self.at];
            if problem.is_none() {
                *problem = error.or_else(|| self.opened.limits.check(file).err());
            }
            self.at += 1;
        }
    }

    /// The number of a new piece of `input`.
    fn open(&mut self, input: usize) -> u64 {
        self.waiting.push_back((input, None));
        self.first + self.waiting.len() as u64 - 1
    }

    /// Writes down what became of a piece. Fails where a row of it ends the run, once all before it are known.
    fn close(&mut self, number: u64, tally: Tally) -> Result<()> {
        // Another thread may come here before the one that met the row has told of it.
        if let Some(line) = &self.ended {
            return Err(Error::Input(line.clone()));
        }
        if let Some(piece) = self.waiting.get_mut((number - self.first) as usize) {
            piece.1 = Some(tally);
        }
        while let Some((input, Some(tally))) = self.waiting.front_mut() {
            let (input, mut tally) = (*input, std::mem::take(tally));
            self.waiting.pop_front();
            self.first += 1;
            self.judge_before(input);
            let file = &mut self.judged.files[input];
            if let Some((row, problem)) = tally.ends {
                let line = format!("{}, row {}: {problem}", file.name, file.rows + row);
                self.ended = Some(line.clone());
                return Err(Error::Input(line));
            }
            if let Some(row) = tally.first_invalid_row {
                file.first_invalid_row.get_or_insert(file.rows + row);
            }
            tally.rejects.sort_by_key(|reject| reject.row);
            for Reject { row, reason, value } in tally.rejects {
                if let Some(log) = self.rejects {
                    log.write(&file.name, file.rows + row, reason, &value)?;
                }
                if file.examples.iter().all(|(known, ..)| *known != reason) {
                    file.examples.push((reason, file.rows + row, value));
                }
            }
            if let Some((row, text)) = tally.swallowed {
                file.swallowed.get_or_insert((file.rows + row, text));
            }
            let odd = [
                (&mut file.shorter, tally.shorter),
                (&mut file.merged, tally.merged),
                (&mut file.timeless, tally.timeless),
            ];
            for (known, (rows, first)) in odd {
                known.0 += rows;
                if let (Some((row, text)), None) = (first, &known.1) {
                    known.1 = Some((file.rows + row, text));
                }
            }
            if let Some(weights) = &mut file.weights {
                if let (Some((row, text)), None) = (tally.weights.rounded.1.take(), &weights.rounded.1) {
                    weights.rounded.1 = Some((file.rows + row, text));
                }
                weights.merge(&tally.weights);
            }
            self.doubt.merge(&tally.doubt, file.rows);
            file.rows += tally.rows;
            file.left_out.merge(&tally.left_out);
            file.hash = file.hash.wrapping_add(tally.hash);
            file.not_selected.merge(&tally.passed.rows);
            self.judged.passed.merge(tally.passed);
            file.used = file.rows - file.left_out.total() - file.not_selected.total();
            if let Some(weights) = &mut file.weights {
                weights.rows = file.used;
            }
            if tally.cut.is_some() {
                file.cut = tally.cut;
            }
        }
        Ok(())
    }

    fn judged(mut self) -> Result<Judged> {
        if self.waiting.is_empty() {
            self.judge_before(self.judged.files.len());
            Ok(self.judged)
        } else {
            Err(Error::Internal("a piece of an input was never finished".into()))
        }
    }
}

fn work<'a>(
    shared: &Mutex<Shared<'_>>,
    piece: usize,
    (filters, areas): (&'a [Option<Filter>], &'a [Option<Arc<AreaOfUse>>]),
    out: &mut Outlet<'a>,
) -> Result<()> {
    let mut desk = Desk::new(piece);
    let mut done = None;
    loop {
        // Waiting for another thread's hand-out is no work.
        let mut shared = out.apart(|_| lock(shared));
        let from = out.monitor.now();
        if let Some((number, tally)) = done.take() {
            shared.ledger.close(number, tally)?;
        }
        let ticket = shared.next(&mut desk, out.stop)?;
        drop(shared);
        out.monitor.in_order.fetch_add(out.monitor.now().saturating_sub(from), Ordering::Relaxed);
        let Some(Ticket { input, number, first, piece }) = ticket else { break };
        out.batch.input = input;
        out.filter = filters.get(input).and_then(Option::as_ref);
        out.area = areas.get(input).and_then(Option::as_deref);
        out.first = first;
        let mut tally = piece.decode(&mut desk, out)?;
        // What is left of a piece is handed over with it, so that rows that are left out later have their numbers.
        out.flush(&mut tally)?;
        tally.doubt.settle();
        done = Some((number, tally));
    }
    out.monitor.record(Stage::Read, out.monitor.now(), out.monitor.now());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_together_hold_a_bounded_number_of_bytes() {
        for threads in [1, 2, 16, 17, 64, 256, 1024] {
            let bound = 8 * threads.min(16) * PIECE + threads.saturating_sub(16) * PIECE;
            // A piece, a row of four that is no large one yet, and as much for quoted stretches where every byte counts.
            assert!(threads * 8 * piece_size(threads) <= bound, "{threads}");
        }
        assert_eq!((piece_size(1), piece_size(16), piece_size(1024)), (PIECE, PIECE, LEAST_PIECE));
    }
}
