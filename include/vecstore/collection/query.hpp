/// Questions to a collection and their answers.
/// Thread safety: plain values.
#pragma once

#include <vecstore/collection/point.hpp>
#include <vecstore/collection/query/example.hpp>
#include <vecstore/collection/query/formula.hpp>
#include <vecstore/collection/query/fusion.hpp>
#include <vecstore/collection/query/nearest.hpp>
#include <vecstore/collection/query/order.hpp>
#include <vecstore/collection/query/recommend.hpp>
#include <vecstore/payload/selector.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace vecstore {

/// Which vectors a read returns: none (default), all, or those named.
class vector_selector {
public:
    vector_selector(bool all = false) : all_(all) {}                               // NOLINT: implicit
    vector_selector(std::vector<std::string> names) : names_(std::move(names)) {}  // NOLINT: implicit
    vector_selector(std::initializer_list<std::string> names) : names_(names) {}   // NOLINT: implicit

    [[nodiscard]] bool includes(std::string_view name) const noexcept {
        if (all_) return true;
        for (const auto& n : names_)
            if (n == name) return true;
        return false;
    }
    [[nodiscard]] bool none() const noexcept { return !all_ && names_.empty(); }
    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

private:
    bool all_ = false;
    std::vector<std::string> names_;
};

/// What is asked when it is not the nearest points to a vector.
using question = std::variant<std::monostate, nearest_to_point, recommend, discover, context, order_by, random_sample,
                              all_points, rrf, dbsf, formula>;

/// The nearest points to a vector, or what `ask` says. `limit` is a contract: so many hits come back whenever so many points
/// match. With `within` it is a range search: all matching points that are near enough, but not more than `limit`.
///
/// With `prefetch` it is a tree: those queries are answered first, each for its own `limit`, and this one is asked of the
/// points that they found alone. It then compares exactly; or it makes one list of theirs (`rrf`, `dbsf`, `formula`). Filters hold
/// for all that is below them, too; a prefetch's selectors of payload and vectors mean nothing.
struct query {
    std::vector<float> nearest = {};            ///< [dim] f32, finite; not zero under cosine; 0 and 1 for binary
    std::string using_vector = {};              ///< name of the vector searched; "" = the default one
    std::string model = {};                     ///< that made `nearest`; if told, it must be the collection's
    filter::expression filter = {};             ///< empty = all points
    std::size_t limit = 10;                     ///< 1 to query_limit_max
    std::size_t offset = 0;                     ///< hits to leave out at the front; limit + offset <= query_limit_max
    std::optional<float> score_threshold = {};  ///< cosine, dot: keep score > it; others: keep score < it
    /// Range search: cosine, dot: all points with score >= it; others: with score <= it, and then it must not be negative.
    /// Graph walks go on as long as they meet such points; `recall` and `ef` set how broadly they look for the first, and
    /// points apart from all others may be left out. With `exact` none is. Costs grow with what is found, so set `limit`
    /// as high as you want: unlike `score_threshold`, it is not searched for when fewer points are within.
    std::optional<float> within = {};
    payload::selector with_payload = true;
    vector_selector with_vectors = false;

    /// How exact: the share of the true nearest points that may be expected, in (0, 1]. 1 means `exact`. Of points so new
    /// that they are in no index yet, 999 of 1,000 may be expected at least, whatever is asked.
    double recall = 0.95;
    /// Candidates kept in each graph walk, instead of `recall`; where there are inverted lists alone, lists scanned.
    std::optional<std::size_t> ef = {};
    bool exact = false;  ///< look at every matching point

    question ask = {};                      ///< instead of `nearest`
    std::optional<vecstore::mmr> mmr = {};  ///< with `nearest` or `nearest_to_point`: hits unlike each other
    std::vector<query> prefetch = {};       ///< nested at most query_depth_max deep, prefetches_max in all
    std::optional<vecstore::lookup_from> lookup_from = {};  ///< where points that are examples are looked up

    /// How long the answer may take from the call on, in milliseconds; 0 = as long as it takes. Of the outermost query, as
    /// `stop` and `allow_partial`. It is looked at every few hundred rows and between indexes, so a query takes longer by a
    /// walk of one index at most.
    std::uint64_t timeout_ms = 0;
    std::stop_token stop = {};  ///< when a stop is requested, the query ends in the same way
    /// True: what has been found by then is the answer, with `query_result::partial`. False: `timed_out` or `cancelled`.
    bool allow_partial = false;
    /// Instead of `nearest`, when `using_vector` names a sparse vector: the points with the largest dot product, of those that
    /// share an index with it. Always exact; `recall` and `ef` say nothing here. With the modifier idf, each value is
    /// multiplied with ln((N - n + 0.5) / (n + 0.5) + 1), N points having the vector and n of them the index.
    sparse_value nearest_sparse = {};

    /// Instead of `nearest`, when `using_vector` names a multi-vector. MaxSim: the sum, over these vectors, of the best
    /// similarity to any vector of the point (cosine, dot), or of the least distance, under a root for euclid. Always exact.
    /// Paper: Khattab & Zaharia, "ColBERT", SIGIR 2020, arXiv:2004.12832, equation 3.
    std::vector<std::vector<float>> nearest_multi = {};
};

/// How a query was answered.
enum class search_strategy : std::uint8_t {
    exact_scan,     ///< every matching row was compared
    plain_walk,     ///< search of the indexes (graph walks, scans of lists) without a filter
    filtered_walk,  ///< the same, which returns only matching rows
    code_scan,      ///< all matching rows were compared by codes, the nearest of them by originals
};
[[nodiscard]] std::string_view to_string(search_strategy strategy) noexcept;

/// What it cost. Counts are sums over all parts.
struct query_plan {
    search_strategy strategy = search_strategy::exact_scan;
    std::size_t ef = 0;            ///< largest ef of any graph walk; 0 when none was walked
    std::size_t lists_probed = 0;  ///< most inverted lists wanted of any part; 0 when none has answered by lists
    /// What the settings taken were measured to find, less one standard error: the least of all indexes searched; at most
    /// 0.999 when sketches of new rows were. 1 when all was scanned.
    double expected_recall = 1;
    std::size_t distances = 0;     ///< distances computed, between codes or originals
    std::size_t rescored = 0;      ///< of these, by originals after a search by codes
    std::size_t rows_scanned = 0;  ///< of these, by scans of memtables and parts without an index
    std::size_t filter_evaluations = 0;
    bool fell_back = false;          ///< a walk found too few matches, an exact scan completed the answer
    std::size_t parts_together = 0;  ///< parts that were scanned once for this and other queries of its batch
    /// Parts whose setting was measured with queries that came (`database_options::sample_queries`), too; the other parts' with
    /// rows as queries alone.
    std::size_t parts_by_queries = 0;
    /// What payload indexes told of the filter before a payload was read: no more points match; of the filters of a tree, the
    /// largest such bound. Absent: they told nothing.
    std::optional<std::size_t> matches_at_most = {};
    /// And which ones, but for points changed since the checkpoint: `filter_evaluations` then counts these alone.
    bool matches_told = false;
};

/// Score: cosine and dot: larger is better; euclid (rooted), manhattan and hamming: smaller is better. Of questions other than
/// for the nearest, as their headers say.
struct hit {
    point_id id = {};
    float score = 0;
    std::uint64_t version = 0;
    payload::document payload = {};
    std::vector<float> vector = {};
    std::vector<named_vector> vectors = {};
    std::optional<vecstore::order_value> order_value = {};  ///< what an `order_by` ordered it by
    std::vector<named_sparse_vector> sparse = {};
    std::vector<named_multi_vector> multi = {};
    /// Of `rrf`, `dbsf` and `formula`: how it scored in each prefetch; absent where it was not found.
    std::vector<std::optional<float>> prefetch_scores = {};
};

/// Hits, best first, at most `limit`; owns all it holds.
struct query_result {
    std::vector<hit> hits;
    query_plan plan;
    bool partial = false;      ///< its time was up, or it was stopped; better hits may be missing
    std::string missing = {};  ///< of a partial answer: why it is, and how much was not looked at

    [[nodiscard]] auto begin() const noexcept { return hits.begin(); }
    [[nodiscard]] auto end() const noexcept { return hits.end(); }
    [[nodiscard]] std::size_t size() const noexcept { return hits.size(); }
    [[nodiscard]] bool empty() const noexcept { return hits.empty(); }
    [[nodiscard]] const hit& operator[](std::size_t i) const noexcept { return hits[i]; }
};

/// A walk over all points in the order of their ids: numbers ascending, then UUIDs ascending. Or the first ones in the order
/// of a field, without a next page: `order_by::start_from` is the way on.
struct scroll {
    std::optional<point_id> offset = {};  ///< first id wanted (it need not exist); absent = from the start
    std::size_t limit = 10;               ///< 1 to query_limit_max
    filter::expression filter = {};
    payload::selector with_payload = true;
    vector_selector with_vectors = false;
    std::optional<vecstore::order_by> order_by = {};  ///< not with `offset`
    std::uint64_t timeout_ms = 0;                     ///< these three as in `query`
    std::stop_token stop = {};
    bool allow_partial = false;
};

struct scroll_page {
    std::vector<record> records;
    std::optional<point_id> next;  ///< the `offset` of the next page; absent on the last
    /// As in query_result. By id, the records are the first ones all the same, and `next` is the way on.
    bool partial = false;
    std::string missing = {};
};

/// How many points match, within a time.
struct count_query {
    filter::expression filter = {};
    std::uint64_t timeout_ms = 0;  ///< these three as in `query`
    std::stop_token stop = {};
    bool allow_partial = false;
};

struct count_result {
    std::size_t count = 0;
    bool partial = false;  ///< there may be more: `count` have been found by then
    std::string missing = {};
};

}  // namespace vecstore
