//! The text index of a node: tantivy in the folder `search/`. It stores ids only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use interhub_domain::ids::ThingId;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::indexer::LogMergePolicy;
use tantivy::query::{BooleanQuery, FuzzyTermQuery, Occur, Query, TermQuery};
use tantivy::schema::{BytesOptions, FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{
    DocId, Index, IndexReader, IndexWriter, ReloadPolicy, Score, SegmentOrdinal, SegmentReader, TantivyDocument,
    TantivyError, Term,
};

use super::{Mark, SearchError, Text, TextIndex, TextQuery, Word};

/// Memory the writer may fill before it writes a segment. tantivy wants 15 MB at least.
const WRITER_BYTES: usize = 20_000_000;
/// A segment with more deleted entries than this share is rewritten by and by.
const DELETED_SHARE: f32 = 0.3;

/// tantivy in a folder.
pub struct TantivyIndex {
    folder: PathBuf,
    fields: Fields,
    state: Mutex<State>,
}

struct State {
    reader: IndexReader,
    writer: IndexWriter,
    mark: Option<Mark>,
}

#[derive(Debug, Clone, Copy)]
struct Fields {
    id: Field,
    high: Field,
    low: Field,
    words: Field,
    stems: Field,
}

fn failed(doing: &'static str) -> impl Fn(TantivyError) -> SearchError {
    move |error| SearchError::Index {
        doing,
        reason: error.to_string(),
    }
}

fn failed_io(doing: &'static str) -> impl Fn(std::io::Error) -> SearchError {
    move |error| SearchError::Index {
        doing,
        reason: error.to_string(),
    }
}

impl TantivyIndex {
    /// Opens the index in a folder, or makes one. What cannot be opened, or has damaged files, is replaced by an empty
    /// index, which has no mark and so is rebuilt.
    pub fn open(folder: &Path) -> Result<Self, SearchError> {
        let (schema, fields) = schema();
        std::fs::create_dir_all(folder).map_err(failed_io("making its folder"))?;
        let state = match open_state(folder, &schema) {
            Ok(Some(state)) => state,
            Ok(None) => fresh_state(folder, &schema)?,
            Err(error) => {
                tracing::warn!(%error, "the text index cannot be used and is made anew");
                fresh_state(folder, &schema)?
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            fields,
            state: Mutex::new(state),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn document(&self, thing: ThingId, text: &Text) -> TantivyDocument {
        let (high, low) = halves(thing);
        let mut document = TantivyDocument::default();
        document.add_bytes(self.fields.id, thing.as_bytes());
        document.add_u64(self.fields.high, high);
        document.add_u64(self.fields.low, low);
        document.add_pre_tokenized_text(self.fields.words, tokens(text.words.iter()));
        document.add_pre_tokenized_text(self.fields.stems, tokens(text.stems.iter()));
        document
    }

    fn id_term(&self, thing: ThingId) -> Term {
        Term::from_field_bytes(self.fields.id, thing.as_bytes())
    }

    fn word_query(&self, word: &Word) -> Box<dyn Query> {
        let term = |field: Field, text: &String| Term::from_field_text(field, text);
        let plain = |field: Field, text: &String| -> (Occur, Box<dyn Query>) {
            (
                Occur::Should,
                Box::new(TermQuery::new(term(field, text), IndexRecordOption::Basic)),
            )
        };
        let mut readings: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        readings.extend(word.exact.iter().map(|text| plain(self.fields.words, text)));
        readings.extend(word.stems.iter().map(|text| plain(self.fields.stems, text)));
        if let Some((text, slips)) = &word.fuzzy {
            let query = FuzzyTermQuery::new(term(self.fields.words, text), *slips, true);
            readings.push((Occur::Should, Box::new(query)));
        }
        if let Some(text) = &word.prefix {
            let query = FuzzyTermQuery::new_prefix(term(self.fields.words, text), 0, true);
            readings.push((Occur::Should, Box::new(query)));
        }
        Box::new(BooleanQuery::new(readings))
    }
}

impl TextIndex for TantivyIndex {
    fn mark(&self) -> Option<Mark> {
        self.lock().mark
    }

    fn apply(&self, changes: &BTreeMap<ThingId, Option<Text>>, mark: Option<Mark>) -> Result<(), SearchError> {
        let mut state = self.lock();
        let mut removed = false;
        for (thing, text) in changes {
            state.writer.delete_term(self.id_term(*thing));
            match text {
                Some(text) => {
                    let added = state.writer.add_document(self.document(*thing, text));
                    added.map_err(failed("adding an entry"))?;
                }
                None => removed = true,
            }
        }
        let mut commit = state.writer.prepare_commit().map_err(failed("preparing a commit"))?;
        if let Some(mark) = mark {
            commit.set_payload(&mark.to_string());
        }
        commit.commit().map_err(failed("committing"))?;
        state.mark = mark;
        state.reader.reload().map_err(failed("reading a commit"))?;
        if removed {
            scrub(&mut state)?;
        }
        Ok(())
    }

    fn clear(&self) -> Result<(), SearchError> {
        let mut state = self.lock();
        let (schema, _) = schema();
        // The old one goes first: it holds the lock of the folder. What stands in for it is in memory, empty.
        let stand_in = Index::create_in_ram(schema.clone());
        *state = state_of(&stand_in, None)?;
        *state = fresh_state(&self.folder, &schema)?;
        Ok(())
    }

    fn find(&self, query: &TextQuery) -> Result<Vec<ThingId>, SearchError> {
        let searcher = self.lock().reader.searcher();
        let words = query.words().iter().map(|word| (Occur::Must, self.word_query(word)));
        let query = BooleanQuery::new(words.collect());
        let mut things = searcher.search(&query, &Things).map_err(failed("searching"))?;
        things.sort_unstable();
        things.dedup();
        Ok(things)
    }
}

/// Rewrites every segment that still holds something deleted, so that no trace of it stays in the files.
fn scrub(state: &mut State) -> Result<(), SearchError> {
    let searcher = state.reader.searcher();
    let dirty: Vec<_> = searcher
        .segment_readers()
        .iter()
        .filter(|segment| segment.has_deletes())
        .map(SegmentReader::segment_id)
        .collect();
    drop(searcher);
    for segment in dirty {
        // A segment that is being merged at this moment is gone afterwards, and its deleted entries with it.
        if let Err(error) = state.writer.merge(&[segment]).wait() {
            tracing::debug!(%error, "a segment was rewritten by another merge");
        }
    }
    state.reader.reload().map_err(failed("reading a merge"))?;
    state
        .writer
        .garbage_collect_files()
        .wait()
        .map_err(failed("removing old files"))?;
    Ok(())
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let text = TextOptions::default().set_indexing_options(indexing);
    let fields = Fields {
        id: builder.add_bytes_field("id", BytesOptions::default().set_indexed()),
        high: builder.add_u64_field("high", FAST),
        low: builder.add_u64_field("low", FAST),
        words: builder.add_text_field("words", text.clone()),
        stems: builder.add_text_field("stems", text),
    };
    (builder.build(), fields)
}

/// What is in the folder, if it is an index of ours in good order.
fn open_state(folder: &Path, schema: &Schema) -> Result<Option<State>, SearchError> {
    if !folder.join("meta.json").exists() {
        return Ok(None);
    }
    let index = Index::open_in_dir(folder).map_err(failed("opening"))?;
    if index.schema() != *schema {
        return Ok(None);
    }
    let damaged = index.validate_checksum().map_err(failed("checking its files"))?;
    if !damaged.is_empty() {
        tracing::warn!(files = damaged.len(), "the text index has damaged files");
        return Ok(None);
    }
    let payload = index.load_metas().map_err(failed("opening"))?.payload;
    let mark = payload.and_then(|payload| payload.parse().ok());
    state_of(&index, mark).map(Some)
}

/// An empty index in a folder that is emptied first.
fn fresh_state(folder: &Path, schema: &Schema) -> Result<State, SearchError> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(failed_io("emptying its folder"))?;
    }
    std::fs::create_dir_all(folder).map_err(failed_io("making its folder"))?;
    let index = Index::create_in_dir(folder, schema.clone()).map_err(failed("making it"))?;
    state_of(&index, None)
}

fn state_of(index: &Index, mark: Option<Mark>) -> Result<State, SearchError> {
    let reader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .try_into()
        .map_err(failed("opening"))?;
    let writer: IndexWriter = index
        .writer_with_num_threads(1, WRITER_BYTES)
        .map_err(failed("opening for writing"))?;
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(DELETED_SHARE);
    writer.set_merge_policy(Box::new(policy));
    Ok(State { reader, writer, mark })
}

fn halves(thing: ThingId) -> (u64, u64) {
    let whole = u128::from_be_bytes(*thing.as_bytes());
    let low = u64::try_from(whole & u128::from(u64::MAX)).unwrap_or(0);
    let high = u64::try_from(whole >> 64).unwrap_or(0);
    (high, low)
}

fn whole(high: u64, low: u64) -> ThingId {
    ThingId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

fn tokens<'a>(words: impl Iterator<Item = &'a String>) -> PreTokenizedString {
    let tokens = words.enumerate().map(|(position, text)| Token {
        position,
        text: text.clone(),
        ..Token::default()
    });
    PreTokenizedString {
        text: String::new(),
        tokens: tokens.collect(),
    }
}

/// Collects the ids of all matches.
struct Things;

struct ThingsOfSegment {
    high: Column<u64>,
    low: Column<u64>,
    things: Vec<ThingId>,
}

impl Collector for Things {
    type Fruit = Vec<ThingId>;
    type Child = ThingsOfSegment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<ThingsOfSegment> {
        let fields = segment.fast_fields();
        Ok(ThingsOfSegment {
            high: fields.u64("high")?,
            low: fields.u64("low")?,
            things: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Vec<ThingId>>) -> tantivy::Result<Vec<ThingId>> {
        Ok(fruits.concat())
    }
}

impl SegmentCollector for ThingsOfSegment {
    type Fruit = Vec<ThingId>;

    fn collect(&mut self, document: DocId, _: Score) {
        let high = self.high.first(document);
        let low = self.low.first(document);
        self.things.extend(high.zip(low).map(|(high, low)| whole(high, low)));
    }

    fn harvest(self) -> Vec<ThingId> {
        self.things
    }
}
