//! Asks the API server who holds a token, and whether they may drain.
//!
//! Promises: a token counts only for the audience [`AUDIENCE`], so that one that leaked from
//! elsewhere opens nothing here; holding one is not enough, RBAC decides (verb on `drains` of
//! [`GROUP`], in every namespace concerned); answers are remembered shortly and in bounded number;
//! every question has an end in time. Without an answer nobody is let in.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::kube::api::PostParams;
use ::kube::{Api, Client};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use tokio::time::timeout;

/// What tokens must be made for.
pub const AUDIENCE: &str = "headgate-drain";
/// The API group of what RBAC is asked for.
pub const GROUP: &str = "headgate.dev";

/// An answer is good for so long: a rollout's calls ask once, and who lost a right loses it soon.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Answers remembered.
const MOST: usize = 1_024;
/// One question. An API server that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(5);
/// An address is rarely in more than one; the rest is asked for at once, as in all namespaces.
const MOST_NAMESPACES: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Reviewer<Q = Questions> {
    questions: Q,
    memory: Mutex<HashMap<Case, (Verdict, Instant)>>,
}

/// What is judged: a token, a verb, and where.
type Case = (Box<[u8]>, &'static str, BTreeSet<Arc<str>>);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This user may.
    Allowed {
        /// Who.
        user: Arc<str>,
    },
    /// This user may not.
    Forbidden {
        /// Who.
        user: Arc<str>,
    },
    /// Nobody, or not for us.
    Unknown,
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// The API server refused or failed.
    #[error("the API server says: {0}; see deploy/kubernetes/drain.yaml for the rights it takes")]
    Api(String),
    /// It did not answer in time.
    #[error("the API server did not answer within {PATIENCE:?}")]
    Late,
}

/// The two questions.
pub trait Ask {
    /// Whose token this is, if it is one for [`AUDIENCE`].
    fn who(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<Option<UserInfo>, ReviewError>> + Send;

    /// Whether they may; `None` is in all namespaces.
    fn may(
        &self,
        user: &UserInfo,
        verb: &'static str,
        namespace: Option<&str>,
    ) -> impl Future<Output = Result<bool, ReviewError>> + Send;
}

/// Asks a real API server.
#[derive(Clone)]
pub struct Questions(Client);

impl Reviewer {
    /// Asks with this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self::with(Questions(client))
    }
}

impl<Q: Ask> Reviewer<Q> {
    fn with(questions: Q) -> Self {
        Self { questions, memory: Mutex::default() }
    }

    /// Whether the holder of `token` may do `verb` to drains of these namespaces; of all where
    /// there are none or many.
    ///
    /// # Errors
    /// When the API server gives no answer.
    pub async fn review(
        &self,
        token: &[u8],
        verb: &'static str,
        namespaces: &BTreeSet<Arc<str>>,
    ) -> Result<Verdict, ReviewError> {
        let Ok(text) = std::str::from_utf8(token) else { return Ok(Verdict::Unknown) };
        let many = namespaces.len() > MOST_NAMESPACES;
        let namespaces = if many { BTreeSet::new() } else { namespaces.clone() };
        let case = (token.into(), verb, namespaces);
        if let Some(verdict) = self.recall(&case, Instant::now()) {
            return Ok(verdict);
        }
        let asked = timeout(PATIENCE, self.ask(text, verb, &case.2)).await;
        let verdict = asked.map_err(|_| ReviewError::Late)??;
        self.remember(case, verdict.clone(), Instant::now());
        Ok(verdict)
    }

    async fn ask(
        &self,
        token: &str,
        verb: &'static str,
        namespaces: &BTreeSet<Arc<str>>,
    ) -> Result<Verdict, ReviewError> {
        let Some(info) = self.questions.who(token).await? else { return Ok(Verdict::Unknown) };
        let user: Arc<str> = info.username.as_deref().unwrap_or_default().into();
        let places: Vec<_> = match namespaces.is_empty() {
            true => vec![None],
            false => namespaces.iter().map(|one| Some(&**one)).collect(),
        };
        for place in places {
            if !self.questions.may(&info, verb, place).await? {
                return Ok(Verdict::Forbidden { user });
            }
        }
        Ok(Verdict::Allowed { user })
    }

    fn recall(&self, case: &Case, now: Instant) -> Option<Verdict> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (verdict, since) = memory.get(case)?;
        (now.saturating_duration_since(*since) < REMEMBERED).then(|| verdict.clone())
    }

    fn remember(&self, case: Case, verdict: Verdict, now: Instant) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= MOST {
            memory.retain(|_, (_, since)| now.saturating_duration_since(*since) < REMEMBERED);
        }
        // Whoever sends many tokens pays for them himself.
        if memory.len() < MOST {
            memory.insert(case, (verdict, now));
        }
    }
}

impl Ask for Questions {
    async fn who(&self, token: &str) -> Result<Option<UserInfo>, ReviewError> {
        let audiences = Some(vec![AUDIENCE.to_owned()]);
        let review = TokenReview {
            spec: TokenReviewSpec { token: token.to_owned(), audiences },
            ..TokenReview::default()
        };
        let api: Api<TokenReview> = Api::all(self.0.clone());
        let status = api.create(&PostParams::default(), &review).await.map_err(said)?.status;
        let status = status.unwrap_or_default();
        // An authenticator that knows no audiences says none: then the token is not for us.
        let ours = status.audiences.iter().flatten().any(|audience| audience == AUDIENCE);
        Ok(if status.authenticated == Some(true) && ours { status.user } else { None })
    }

    async fn may(
        &self,
        user: &UserInfo,
        verb: &'static str,
        namespace: Option<&str>,
    ) -> Result<bool, ReviewError> {
        let what = ResourceAttributes {
            group: Some(GROUP.to_owned()),
            resource: Some("drains".to_owned()),
            verb: Some(verb.to_owned()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username.clone(),
                groups: user.groups.clone(),
                uid: user.uid.clone(),
                extra: user.extra.clone(),
                resource_attributes: Some(what),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.0.clone());
        let status = api.create(&PostParams::default(), &review).await.map_err(said)?.status;
        Ok(status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }
}

impl std::fmt::Debug for Questions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a Kubernetes API")
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn said(error: ::kube::Error) -> ReviewError {
    ReviewError::Api(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Knows `NAME` as the user of that name; users may do `create` in the namespace of their name.
    #[derive(Default)]
    struct Fake {
        asked: AtomicUsize,
    }

    impl Ask for Fake {
        async fn who(&self, token: &str) -> Result<Option<UserInfo>, ReviewError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match token {
                "nobody" => Ok(None),
                "away" => Err(ReviewError::Api("500".into())),
                "hangs" => std::future::pending().await,
                name => Ok(Some(UserInfo { username: Some(name.into()), ..UserInfo::default() })),
            }
        }

        async fn may(
            &self,
            user: &UserInfo,
            verb: &'static str,
            namespace: Option<&str>,
        ) -> Result<bool, ReviewError> {
            let user = user.username.as_deref();
            Ok(verb == "create" && (user == Some("admin") || user == namespace))
        }
    }

    fn namespaces(names: &[&str]) -> BTreeSet<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_good_for_what_rbac_says_of_its_holder_and_for_nothing_else() {
        let reviewer = Reviewer::with(Fake::default());
        let allowed = |user: &str| Ok(Verdict::Allowed { user: user.into() });
        let forbidden = |user: &str| Ok(Verdict::Forbidden { user: user.into() });
        for (token, verb, places, expected) in [
            ("shop", "create", &["shop"][..], allowed("shop")),
            ("shop", "delete", &["shop"], forbidden("shop")),
            ("shop", "create", &["bank"], forbidden("shop")),
            ("shop", "create", &["bank", "shop"], forbidden("shop")),
            ("shop", "create", &[], forbidden("shop")),
            ("admin", "create", &["bank", "shop"], allowed("admin")),
            ("admin", "create", &[], allowed("admin")),
            ("nobody", "create", &["shop"], Ok(Verdict::Unknown)),
            ("away", "create", &["shop"], Err(ReviewError::Api("500".into()))),
            ("hangs", "create", &["shop"], Err(ReviewError::Late)),
        ] {
            let verdict = reviewer.review(token.as_bytes(), verb, &namespaces(places)).await;
            assert_eq!(verdict, expected, "{token} {verb} {places:?}");
        }
        let garbage = reviewer.review(b"\xff", "create", &namespaces(&[])).await;
        assert_eq!(garbage, Ok(Verdict::Unknown));
    }

    #[tokio::test]
    async fn a_verdict_is_asked_for_once_in_a_while_and_an_error_every_time() {
        let reviewer = Reviewer::with(Fake::default());
        for _ in 0..3 {
            reviewer.review(b"shop", "create", &namespaces(&["shop"])).await.unwrap();
        }
        assert_eq!(reviewer.questions.asked.load(Ordering::Relaxed), 1);
        for _ in 0..3 {
            reviewer.review(b"away", "create", &namespaces(&[])).await.unwrap_err();
        }
        assert_eq!(reviewer.questions.asked.load(Ordering::Relaxed), 4);
        let case = (b"shop"[..].into(), "create", namespaces(&["shop"]));
        assert!(reviewer.recall(&case, Instant::now()).is_some());
        assert_eq!(reviewer.recall(&case, Instant::now() + REMEMBERED), None);
    }

    #[test]
    fn many_tokens_cost_no_more_memory_than_some() {
        let reviewer = Reviewer::with(Fake::default());
        let now = Instant::now();
        let case =
            |index: usize| (index.to_string().into_bytes().into(), "create", namespaces(&[]));
        for index in 0..MOST * 2 {
            reviewer.remember(case(index), Verdict::Unknown, now);
        }
        assert_eq!(reviewer.memory.lock().unwrap().len(), MOST);
        reviewer.remember(case(MOST * 2), Verdict::Unknown, now + REMEMBERED);
        assert_eq!(reviewer.memory.lock().unwrap().len(), 1);
    }
}
