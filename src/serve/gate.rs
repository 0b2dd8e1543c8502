//! The threads that wait for one layer's disk: so many at once and none for ever, so that a disk that does not answer
//! costs its own layer and no other. What is read there is the caller's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Threads that wait for one layer; each holds one tile at most.
pub(super) const THREADS: usize = 8;
/// How long an answer waits for a disk; one that slept needs some seconds to turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to a layer's disk. Clones are the same way.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    /// Threads that are still waiting although nobody waits for them any more.
    lost: Arc<AtomicUsize>,
    threads: usize,
    patience: Duration,
}

impl Default for Gate {
    fn default() -> Self {
        Self::of(THREADS, PATIENCE)
    }
}

impl Gate {
    fn of(threads: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(threads)), lost: Arc::default(), threads, patience }
    }

    /// Whether all threads wait for a disk that does not answer.
    pub(super) fn hangs(&self) -> bool {
        self.lost.load(Ordering::Relaxed) >= self.threads
    }

    /// Does work that may wait for the disk; `None` where the disk took too long, or the work panicked.
    pub(super) async fn pass<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        if self.hangs() {
            return None;
        }
        let deadline = Instant::now() + self.patience;
        let place = timeout_at(deadline, self.places.clone().acquire_owned()).await.ok()?.ok()?;
        let (left, lost) = (Arc::new(AtomicBool::new(false)), self.lost.clone());
        let waited_for = left.clone();
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            // Whoever comes second, the one who gives up or the work, knows of the other.
            if left.swap(true, Ordering::AcqRel) {
                lost.fetch_sub(1, Ordering::Relaxed);
            }
            drop(place);
            done
        });
        match timeout_at(deadline, task).await {
            Ok(done) => done.ok(),
            Err(_) => {
                // Counted first: the work may end at this moment.
                self.lost.fetch_add(1, Ordering::Relaxed);
                if waited_for.swap(true, Ordering::AcqRel) {
                    self.lost.fetch_sub(1, Ordering::Relaxed);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_disk_that_does_not_answer_costs_its_own_layer_only() {
        let [ill, well] = [Gate::of(3, Duration::from_millis(50)), Gate::of(3, Duration::from_secs(60))];
        let mut held = Vec::new();
        let mut asked = Vec::new();
        for _ in 0..20 {
            let (release, wait) = mpsc::channel::<()>();
            held.push(release);
            let ill = ill.clone();
            asked.push(tokio::spawn(async move { ill.pass(move || wait.recv().is_ok()).await }));
        }
        assert_eq!(well.pass(|| 7).await, Some(7), "while the other waits");
        for answer in asked {
            assert_eq!(answer.await.unwrap(), None);
        }
        assert!(ill.hangs() && !well.hangs());
        assert_eq!(ill.pass(|| 7).await, None, "at once: there is no thread left");
        assert_eq!(well.pass(|| 7).await, Some(7));
        drop(held);
        while ill.hangs() || ill.places.available_permits() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ill.pass(|| 7).await, Some(7), "it answers again");
        assert_eq!(ill.lost.load(Ordering::Relaxed), 0);
    }
}
