//! The device of a run, opened while the first points are read: a real GPU takes up to a second to answer, and adapters
//! are listed once. Until it is there points wait in memory, as many as the account of the run allows; then reading
//! waits for it. Where there is no GPU and nobody insists on one, the CPU takes over.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::{Device, Resources};
use crate::account::Held;
use crate::backend::cpu::{self, CpuCount, CpuPaint};
use crate::backend::gpu::{self, Choice, GpuCount, GpuOptions, OpenDevice};
use crate::backend::{Count, Memory, Paint, Plan, PointPush};
use crate::counts::Weighed;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::store::CountStore;
use crate::tile::{Points, WorldPoint};

/// Points that a reading thread holds for each time it asks the account.
const PIECE: usize = 1 << 16;
/// How long the device is waited for before the person is asked whether to go on.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a run that failed waits for a driver that is at work: a process that ends under it may crash.
const LEAVE: Duration = Duration::from_millis(500);

/// What to tell of weights where a person insists on a GPU.
const WEIGHTS: &str = "the CPU adds up weights and colours them; the GPU takes no part in it";

/// What to tell when the device is not the one a person may have expected; known once points are counted.
pub(crate) type Notice = Arc<OnceLock<String>>;

/// A device that is being opened, or the CPU.
pub(crate) struct Opening {
    /// `None` for the CPU.
    device: Option<Answer>,
    /// Whether the CPU takes over where there is no GPU.
    or_cpu: bool,
}

/// What a thread found out, once it has.
struct Answer {
    from: Receiver<Result<OpenDevice>>,
    known: Option<Result<OpenDevice>>,
}

impl Opening {
    /// Begins to open the device that `resources` ask for; no adapter is asked when that is the CPU.
    ///
    /// Devices count and do not weigh: where points have weights, only one that a person insists on is opened.
    pub(crate) fn start(resources: &Resources, weighs: bool, monitor: &Arc<Monitor>) -> Result<Self> {
        // Wrong usage is told before the work, not by whoever waits for the device.
        resources.gpu.adapter.as_deref().map(Choice::named).transpose()?;
        let device = match resources.device {
            Device::Cpu => None,
            Device::Auto if weighs && resources.gpu.adapter.is_none() => None,
            Device::Gpu | Device::Auto => Some(Answer::of(resources.gpu.clone(), monitor.clone())?),
        };
        let or_cpu = matches!(resources.device, Device::Auto) && resources.gpu.adapter.is_none();
        Ok(Self { device, or_cpu })
    }

    /// Whether a person asked for a GPU, and a run without one is an error.
    pub(crate) fn is_insisted_on(&self) -> bool {
        self.device.is_some() && !self.or_cpu
    }

    /// Waits for the device; fails when there is none that a person insists on.
    pub(crate) fn wait(&mut self, monitor: &Monitor) -> Result<()> {
        let Some(answer) = &mut self.device else { return Ok(()) };
        match answer.wait(monitor)? {
            Err(Error::NoAdapter(_)) if self.or_cpu => Ok(()),
            Err(_) => answer.known.take().map_or(Ok(()), |known| known.map(|_| ())),
            Ok(_) => Ok(()),
        }
    }

    /// A session for `plan` on that device, there or not; begin it within the pool that shall do the host's share.
    pub(crate) fn count(self, plan: Plan) -> (Box<dyn Count>, Notice) {
        let notice = Notice::default();
        if plan.measuring.is_some() {
            if self.is_insisted_on() {
                let _ = notice.set(WEIGHTS.into());
            }
            return (cpu::count(plan), notice);
        }
        let Some(answer) = self.device else { return (Box::new(CpuCount::new(plan)), notice) };
        let later = Later {
            // Made here, because it asks the pool how many threads there are.
            cpu: Mutex::new(self.or_cpu.then(|| CpuCount::new(plan.clone()))),
            threads: rayon::current_num_threads(),
            plan,
            answer: Mutex::new(answer),
            count: OnceLock::new(),
            failure: OnceLock::new(),
            notice: notice.clone(),
        };
        (Box::new(later), notice)
    }
}

impl Opening {
    /// What paints `counts` on that device, there or not, and what to tell where it is another one than expected; within
    /// the pool that shall do the host's share.
    pub(crate) fn paint(
        self,
        counts: CountStore,
        memory: Memory,
        monitor: &Arc<Monitor>,
    ) -> Result<(Box<dyn Paint>, Option<String>)> {
        let mut notice = None;
        if let Some(mut answer) = self.device {
            answer.wait(monitor)?;
            match answer.known.take() {
                Some(Ok(device)) => return Ok((gpu::paint(device, counts, memory, monitor)?, None)),
                Some(Err(Error::NoAdapter(reason))) if self.or_cpu => notice = Some(format!("using the CPU: {reason}")),
                Some(Err(error)) => return Err(error),
                None => return Err(Answer::died()),
            }
        }
        Ok((Box::new(CpuPaint::new(counts, memory, monitor.clone())?), notice))
    }

    /// What paints sums, which devices do not.
    pub(crate) fn measure(self, counts: CountStore<Weighed>, plan: Plan) -> Result<(Box<dyn Paint>, Option<String>)> {
        let notice = self.is_insisted_on().then(|| WEIGHTS.to_owned());
        Ok((cpu::measure(counts, plan)?, notice))
    }
}

impl Answer {
    fn of(options: GpuOptions, monitor: Arc<Monitor>) -> Result<Self> {
        let (send, from) = channel();
        std::thread::Builder::new()
            .name("device".into())
            .spawn(move || {
                // Nobody listens any more when the run ended early.
                let _ = send.send(OpenDevice::open(&options, &monitor));
            })
            .map_err(|e| Error::Limit(format!("cannot start a thread to open the device: {e}")))?;
        Ok(Self { from, known: None })
    }

    fn died() -> Error {
        Error::Internal("the thread that opens the device died".into())
    }

    /// Looks for the answer without waiting.
    fn look(&mut self) -> Result<()> {
        if self.known.is_none() {
            match self.from.try_recv() {
                Ok(known) => self.known = Some(known),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(Self::died()),
            }
        }
        Ok(())
    }

    fn wait(&mut self, monitor: &Monitor) -> Result<&Result<OpenDevice>> {
        while self.known.is_none() {
            match self.from.recv_timeout(PATIENCE) {
                Ok(known) => self.known = Some(known),
                Err(RecvTimeoutError::Timeout) => monitor.check()?,
                Err(RecvTimeoutError::Disconnected) => return Err(Self::died()),
            }
        }
        self.known.as_ref().ok_or_else(Self::died)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.known.is_none() {
            let _ = self.from.recv_timeout(LEAVE);
        }
    }
}

/// A session whose device may not be there yet.
struct Later {
    plan: Plan,
    threads: usize,
    /// The session on the CPU that takes over where there is no GPU.
    cpu: Mutex<Option<CpuCount>>,
    answer: Mutex<Answer>,
    count: OnceLock<Box<dyn Count>>,
    /// Why there is no device: for every thread, though one alone met it.
    failure: OnceLock<Failure>,
    notice: Notice,
}

/// An error that may be told several times.
enum Failure {
    NoAdapter(String),
    Device(String, String),
    Other(String),
}

impl Failure {
    fn of(error: Error) -> Self {
        match error {
            Error::NoAdapter(text) => Self::NoAdapter(text),
            Error::Device { adapter, problem } => Self::Device(adapter, problem),
            other => Self::Other(other.to_string()),
        }
    }

    fn error(&self) -> Error {
        match self {
            Self::NoAdapter(text) => Error::NoAdapter(text.clone()),
            Self::Device(adapter, problem) => Error::Device { adapter: adapter.clone(), problem: problem.clone() },
            Self::Other(text) => Error::Limit(text.clone()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Later {
    /// The session, if its device is there; with `wait`, when it is.
    fn session(&self, wait: bool) -> Result<Option<&dyn Count>> {
        if let Some(count) = self.count.get() {
            return Ok(Some(count.as_ref()));
        }
        let mut answer = lock(&self.answer);
        if let Some(failure) = self.failure.get() {
            return Err(failure.error());
        }
        if self.count.get().is_none() {
            if wait {
                answer.wait(&self.plan.monitor)?;
            } else {
                answer.look()?;
            }
            let Some(known) = answer.known.take() else { return Ok(None) };
            match self.begin(known) {
                Ok(count) => _ = self.count.set(count),
                Err(error) => return Err(self.failure.get_or_init(|| Failure::of(error)).error()),
            }
        }
        Ok(self.count.get().map(AsRef::as_ref))
    }

    fn begin(&self, known: Result<OpenDevice>) -> Result<Box<dyn Count>> {
        let reason = match known {
            Ok(device) => return Ok(Box::new(GpuCount::on(self.plan.clone(), device, self.threads)?)),
            Err(reason) => reason,
        };
        match (reason, lock(&self.cpu).take()) {
            (Error::NoAdapter(reason), Some(cpu)) => {
                let _ = self.notice.set(format!("using the CPU: {reason}"));
                Ok(Box::new(cpu))
            }
            (reason, _) => Err(reason),
        }
    }
}

impl Count for Later {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(Waiting { later: self, push: None, points: Vec::new(), held: None })
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Paint>> {
        self.session(true)?;
        match self.count.into_inner() {
            Some(count) => count.finish(),
            None => Err(Answer::died()),
        }
    }
}

/// One thread's points on their way into a session that may not be there yet.
struct Waiting<'a> {
    later: &'a Later,
    push: Option<Box<dyn PointPush + 'a>>,
    points: Vec<WorldPoint>,
    held: Option<Held>,
}

impl Waiting<'_> {
    /// Whether some points more may wait in memory.
    fn may_hold(&mut self, points: usize) -> bool {
        let account = &self.later.plan.memory.account;
        let bytes = ((self.points.len() + points).next_multiple_of(PIECE) * size_of::<WorldPoint>()) as u64;
        // What the session itself will need must be left.
        let share = account.limit() / 16 / self.later.threads.max(1) as u64;
        if bytes > share {
            return false;
        }
        match &mut self.held {
            Some(held) => held.bytes() >= bytes || held.try_grow(bytes - held.bytes()),
            None => {
                self.held = account.try_take(bytes);
                self.held.is_some()
            }
        }
    }

    fn begin(&mut self, wait: bool) -> Result<()> {
        if let Some(session) = self.later.session(wait)? {
            let push = self.push.insert(session.pusher());
            push.push(Points::of(&self.points))?;
            (self.points, self.held) = (Vec::new(), None);
        }
        Ok(())
    }
}

impl PointPush for Waiting<'_> {
    /// Devices count: what points weigh is asked for where only those with a weight are to be counted.
    fn push(&mut self, points: Points<'_>) -> Result<()> {
        if self.push.is_none() {
            let wait = !self.may_hold(points.len());
            self.begin(wait)?;
        }
        match &mut self.push {
            Some(push) => push.push(Points::of(points.places)),
            None => {
                self.points.extend_from_slice(points.places);
                Ok(())
            }
        }
    }

    fn close(&mut self) -> Result<()> {
        if self.push.is_none() {
            self.begin(true)?;
        }
        self.push.as_mut().map_or(Ok(()), |push| push.close())
    }
}
