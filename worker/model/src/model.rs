//! The course of a question: ask, check, ask once more with the faults, give up. And what is learned of the endpoint
//! on the way, for the questions after.

use crate::{
    ModelError, ModelSettings, ModelSettingsError, PageText, Tally,
    answer::{End, Reply},
    check::Check,
    endpoint::{About, Endpoint, Fault},
    talk::{Format, Manners, Talk},
};
use leafcutter_domain::{ModelTokens, ScrapeOptions, TOKEN_BYTES};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// Forms in which one question is tried.
const FORMS_TRIED_MAX: usize = 8;
/// Objections in a row, each followed by an answer to a weaker form, after which a form is no longer tried.
const OBJECTIONS_MAX: u8 = 3;

/// A model that can be asked.
pub struct Model {
    endpoint: Endpoint,
    settings: ModelSettings,
    learned: Mutex<Learned>,
}

/// What is asked of it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The caller's schema and wish; one of them is there.
    pub options: &'a ScrapeOptions,
    /// The page.
    pub page: &'a PageText,
}

impl Model {
    /// A model with these settings. Nothing is asked yet.
    ///
    /// # Errors
    /// A setting cannot be used.
    pub fn new(settings: ModelSettings) -> Result<Self, ModelSettingsError> {
        settings.check()?;
        let endpoint = Endpoint::new(&settings)?;
        Ok(Self { endpoint, settings, learned: Mutex::default() })
    }

    /// How much of a page is sent, in bytes; of a longer one something is left out.
    #[must_use]
    pub fn page_bytes_max(&self) -> usize {
        usize::try_from(self.settings.budget.page_tokens).unwrap_or(usize::MAX).saturating_mul(TOKEN_BYTES)
    }

    /// JSON from a page that satisfies the schema. The caller bounds the time of it all; `tally` counts the tokens of
    /// every round, also of those that failed, and also when the call is dropped in the middle.
    ///
    /// # Errors
    /// [`ModelError`].
    pub async fn extract(&self, question: Question<'_>, tally: &Tally) -> Result<Value, ModelError> {
        let Question { options, page } = question;
        let check = Check::by(options.schema.as_ref())?;
        let most = self.settings.budget.most(options);
        let mut talk = Talk::about(page, options, self.settings.budget)?;
        let first = self.ask(&talk, tally, most).await?;
        let faults = match judge(&check, &first) {
            Judged::Good(value) => return Ok(value),
            Judged::Hopeless(error) => return Err(error),
            Judged::Faulty(faults) => faults,
        };
        talk.repair(&first.text, &faults);
        let second = self.ask(&talk, tally, most).await?;
        match judge(&check, &second) {
            Judged::Good(value) => Ok(value),
            Judged::Hopeless(error) => Err(error),
            Judged::Faulty(faults) => Err(ModelError::SchemaMismatch(faults)),
        }
    }

    /// Asks in the strongest form that the endpoint takes.
    async fn ask(&self, talk: &Talk, tally: &Tally, most: ModelTokens) -> Result<Reply, ModelError> {
        let mut manners = self.learned().begin(talk.strongest());
        let mut refused = Vec::new();
        for _ in 0..FORMS_TRIED_MAX {
            match self.endpoint.ask(&talk.request(&self.settings.model, manners)).await {
                Ok(answer) => {
                    let reply = answer.into_reply(talk.bytes());
                    tally.add(reply.tokens, most);
                    self.learned().accepted(manners, &refused);
                    return Ok(reply);
                }
                Err(Fault::Objection(status, about)) => {
                    let Some(other) = manners.other(about) else {
                        return Err(ModelError::Refused(Fault::Objection(status, about).to_string()));
                    };
                    if other.format != manners.format {
                        refused.push(manners.format);
                    }
                    manners = other;
                }
                Err(Fault::Settled(what)) => return Err(ModelError::Refused(what)),
                Err(Fault::Passing(what, _) | Fault::Lasting(what)) => {
                    return Err(ModelError::Unavailable(what));
                }
            }
        }
        Err(ModelError::Refused("refused the question in every form".to_owned()))
    }

    fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Judged {
    Good(Value),
    /// Worth another round.
    Faulty(Vec<String>),
    /// Would end the same way again.
    Hopeless(ModelError),
}

fn judge(check: &Check, reply: &Reply) -> Judged {
    match (reply.end, check.value(&reply.text)) {
        (End::Declined, _) => Judged::Hopeless(ModelError::NoAnswer("declined to answer")),
        (End::Filtered, _) => Judged::Hopeless(ModelError::NoAnswer("was stopped by its endpoint's filter")),
        (End::Nothing, _) => Judged::Hopeless(ModelError::NoAnswer("said nothing")),
        (End::Done | End::Cut, Ok(value)) => Judged::Good(value),
        (End::Cut, Err(_)) => Judged::Hopeless(ModelError::NoAnswer(
            "was cut off: the answer is longer than LEAFCUTTER_MODEL_OUTPUT_TOKENS",
        )),
        (End::Done, Err(faults)) => Judged::Faulty(faults),
    }
}

impl Manners {
    /// What to try after an objection: another form of what it names, else a weaker one in all.
    fn other(self, about: About) -> Option<Self> {
        if about.temperature && self.temperature {
            return Some(Self { temperature: false, ..self });
        }
        if about.bound && !self.former_bound {
            return Some(Self { former_bound: true, ..self });
        }
        let format = match self.format {
            Format::Strict => Format::Schema,
            Format::Schema => Format::Object,
            Format::Object => Format::Words,
            Format::Words => return None,
        };
        Some(Self { format, ..self })
    }
}

/// What answers have shown of the endpoint, in this life of the process.
#[derive(Debug, Default)]
struct Learned {
    no_temperature: bool,
    former_bound: bool,
    /// Of the forms from the strongest on.
    forms: [Standing; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has been taken before, so an objection is to the schema at hand.
    Works,
    /// Refused so often in a row.
    Refused(u8),
}

impl Default for Standing {
    fn default() -> Self {
        Self::Refused(0)
    }
}

impl Learned {
    fn begin(&self, strongest: Format) -> Manners {
        let forms = [Format::Strict, Format::Schema, Format::Object];
        let open = forms.into_iter().zip(self.forms).filter(|(format, _)| *format >= strongest);
        let taken = open.into_iter().find(|(_, standing)| *standing != Standing::Refused(OBJECTIONS_MAX));
        let format = taken.map_or(Format::Words, |(format, _)| format);
        Manners { format, temperature: !self.no_temperature, former_bound: self.former_bound }
    }

    fn accepted(&mut self, manners: Manners, refused: &[Format]) {
        self.no_temperature = !manners.temperature;
        self.former_bound = manners.former_bound;
        for format in refused {
            if let Some(Standing::Refused(times)) = self.forms.get_mut(*format as usize) {
                *times = (*times + 1).min(OBJECTIONS_MAX);
            }
        }
        if let Some(standing) = self.forms.get_mut(manners.format as usize) {
            *standing = Standing::Works;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Manners = Manners { format: Format::Strict, temperature: true, former_bound: false };

    #[test]
    fn an_objection_is_met_by_what_it_names_and_then_by_weaker_forms() {
        let temperature = About { temperature: true, bound: false };
        let calm = STRICT.other(temperature).unwrap();
        assert_eq!(calm, Manners { temperature: false, ..STRICT });
        assert_eq!(calm.other(temperature).unwrap().format, Format::Schema);
        let bound = STRICT.other(About { temperature: false, bound: true }).unwrap();
        assert!(bound.former_bound && bound.format == Format::Strict);
        let words = Manners { format: Format::Words, ..STRICT };
        assert_eq!(words.other(About::default()), None);
    }

    #[test]
    fn a_form_that_is_refused_again_and_again_is_no_longer_tried() {
        let mut learned = Learned::default();
        for _ in 0..OBJECTIONS_MAX {
            assert_eq!(learned.begin(Format::Strict).format, Format::Strict);
            learned.accepted(Manners { format: Format::Object, ..STRICT }, &[Format::Strict, Format::Schema]);
        }
        assert_eq!(learned.begin(Format::Strict).format, Format::Object);
        assert_eq!(learned.begin(Format::Object).format, Format::Object);
    }

    #[test]
    fn strange_schemas_do_not_take_a_form_from_the_others() {
        let mut learned = Learned::default();
        learned.accepted(STRICT, &[]);
        for _ in 0..10 {
            learned.accepted(Manners { format: Format::Words, ..STRICT }, &[Format::Strict]);
        }
        assert_eq!(learned.begin(Format::Strict).format, Format::Strict);
    }
}
