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
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if let Pending::Running(task) = self {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_or_breaks_is_replaced_and_a_late_answer_is_kept() {
        let (answer, asked) = oneshot::channel();
        let mut late = Pending::begin(async { asked.await.unwrap_or(0) });
        assert_eq!(late.get(Instant::now() + Duration::from_secs(1), 7).await, 7);
        answer.send(3).unwrap();
        assert_eq!(late.get(Instant::now() + Duration::from_secs(1), 7).await, 3);
        assert!(matches!(late, Pending::Known(3)));
        let mut broken: Pending<u8> = Pending::begin(async { panic!("as a hostile record would have it") });
        assert_eq!(broken.get(Instant::now() + Duration::from_secs(1), 7).await, 7);
    }

    #[tokio::test]
    async fn dropping_ends_what_runs() {
        let (held, ended) = oneshot::channel::<()>();
        let running = Pending::begin(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(running);
        assert!(ended.await.is_err());
    }
}
