use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// A look-up that runs, or its answer. Dropping it ends what runs.
pub(super) enum Pending<T> {
    /// Still asking.
    Running(JoinHandle<T>),
    /// Known.
    Known(T),
}

impl<T: Clone + Send + 'static> Pending<T> {
    pub(super) fn begin(work: impl Future<Output = T> + Send + 'static) -> Pending<T> {
        Pending::Running(tokio::spawn(work))
    }

    /// The answer; `otherwise` where it does not come in time, or the look-up panicked.
    pub(super) async fn get(&mut self, deadline: Instant, otherwise: T) -> T {
        let answer = match self {
            Pending::Known(answer) => return answer.clone(),
            Pending::Running(task) => match timeout_at(deadline, task).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => {
                    tracing::error!(%error, "a look-up about incoming mail broke");
                    otherwise
                }
                // It goes on: the next message may find it done.
                Err(_) => return otherwise,
            },
        };
        *self = Pending::Known(answer.clone());
        answer
    }

    /// Whether the answer can be had without waiting.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Pending::Known(_) => true,
            Pending::Running(task) => task.is_finished(),
        }
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if let Pending::Running(task) = self {
            task.abort();
        }
    }
}
