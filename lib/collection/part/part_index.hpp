/// What stands between a query and the rows of one part: an index of some kind, derived from the part's rows, in a file
/// beside it. The one virtual call for each part and query is here.
/// An index is opened by the footer of its file and what was measured of it; the rest is checked and copied into memory
/// by `ready`, before the first search. A file that turns out to be damaged then is as good as none.
/// Thread safety: any number of threads; immutable once it is ready.
#pragma once

#include "query_mix.hpp"
#include "row_predicate.hpp"

#include <vecstore/collection/options.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/core/published.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/core/types.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::detail {

class calibration;
struct chosen_setting;
}  // namespace vecstore::detail

namespace vecstore::index {
struct coded_rows;
class ivf_lists;
class ivf_members;
}  // namespace vecstore::index

namespace vecstore::detail {

/// How far a search goes. Calibration measures a ladder of these; a query may name its own.
struct search_setting {
    std::uint32_t breadth = 0;   ///< ef of a graph walk; lists that an IVF probes
    std::uint32_t rescored = 0;  ///< candidates compared by their originals; 0 = the search itself is by originals

    friend bool operator==(const search_setting&, const search_setting&) = default;
};

/// How a graph is walked when not all rows may be returned.
enum class filtered_way : std::uint8_t {
    results_apart,  ///< over all rows, until the best of those allowed are found: `allow` may be slow
    all_then_pick,  ///< over all rows, of which those allowed are picked: most are
    matching,       ///< over rows that are allowed, and no others
};

struct part_request {
    const void* query = nullptr;  ///< as distance_computer takes it; of unit length for cosine
    std::size_t k = 0;
    search_setting setting = {};
    std::optional<float> radius = {};      ///< a range search: the nearest `k` rows within this distance
    const row_predicate* allow = nullptr;  ///< null: every row
    filtered_way way = filtered_way::results_apart;
    std::size_t enough = 0;  ///< of all_then_pick: when fewer are picked, others lie further away than was planned for
    std::span<const row_id> seeds = {};  ///< rows that `allow` accepts, from which a walk over such rows begins
    /// Of lists: element i is how many are probed when one row of 2^i near the query is allowed; rises. Empty: as `setting`
    /// says, and more until there are enough.
    std::span<const std::uint32_t> breadths = {};
    /// Of lists: as ivf_search_options.
    const index::ivf_members* members = nullptr;
    bool members_sure = false;
};

/// What a search cost; added to.
struct part_cost {
    std::size_t distances = 0;     ///< by codes or originals
    std::size_t rescored = 0;      ///< of these, by originals after a search by codes
    std::optional<error> failure;  ///< an original could not be read: what was found is of no use
};

/// Bytes of one index.
struct index_memory {
    std::size_t resident = 0;  ///< allocated: graph and codes, unless they stay on disk
    std::size_t on_disk = 0;   ///< of its file, read when they are needed
};

/// What of an index many queries can share. Lifetime: borrows from the index; null: it has none.
struct shared_scan {
    const index::coded_rows* codes = nullptr;
    const index::ivf_lists* lists = nullptr;
};

class part_index {
public:
    virtual ~part_index() = default;
    /// hnsw or ivf.
    [[nodiscard]] virtual index_kind kind() const noexcept = 0;
    /// Brings the index into memory, if nobody has yet; false when its file is damaged, now and from then on.
    /// May throw std::bad_alloc, and may then be tried again.
    /// Cost: one look when it is there; else reading the file, for which others wait who want the same.
    [[nodiscard]] bool ready() const {
        const auto now = state_.load(std::memory_order_acquire);
        return now == load_state::ready || (now == load_state::waiting && load_once());
    }
    [[nodiscard]] bool waiting() const noexcept {
        return state_.load(std::memory_order_acquire) == load_state::waiting;
    }
    [[nodiscard]] bool damaged() const noexcept {
        return state_.load(std::memory_order_acquire) == load_state::damaged;
    }
    /// Why it is damaged. Precondition: it is.
    [[nodiscard]] error failure() const {
        const lock_guard lock(mutex_);
        return failure_;
    }
    /// The `k` nearest rows found, nearest first, by exact distances; fewer when fewer were met. A search of all rows is
    /// noted in the mix. Precondition: ready().
    [[nodiscard]] std::vector<neighbor> search(const part_request& request, part_cost& cost) const;
    /// Notes what a query found, nearest first, for the mix; a search of all rows does it by itself. Fewer than `band_rank` say
    /// nothing.
    void note(const std::vector<neighbor>& found) const;
    [[nodiscard]] virtual shared_scan shared() const noexcept = 0;
    /// Of the queries that came since the part was opened.
    [[nodiscard]] const query_mix& mix() const noexcept { return mix_; }
    [[nodiscard]] virtual index_memory memory() const noexcept = 0;
    /// What its searches were measured to find, with rows as queries, when it was built.
    [[nodiscard]] virtual const calibration& measured() const noexcept = 0;

    /// The cheapest setting that is expected to find the share `recall` of the `k` nearest for queries like those of
    /// late; as calibration::choose, by the newest measurement.
    [[nodiscard]] chosen_setting choose(double recall, std::size_t k) const noexcept;
    /// As calibration::at_breadth.
    [[nodiscard]] chosen_setting at_breadth(std::size_t breadth, std::size_t k) const noexcept;
    /// For `part_request::breadths`, until all there is to probe is probed.
    void choose_breadths(double recall, std::size_t k, std::vector<std::uint32_t>& breadths) const;
    /// A search that the mix does not hear of. Precondition: ready().
    [[nodiscard]] std::vector<neighbor> search_unnoted(const part_request& request, part_cost& cost) const {
        return find(request, cost);
    }
    /// Searches go by `measured` from now on, made with queries that came. By one thread at a time; it is not kept on disk.
    void remeasured(std::shared_ptr<const calibration> measured) const;
    /// What was given last; null: nothing yet.
    [[nodiscard]] std::shared_ptr<const calibration> measured_by_queries() const noexcept;

protected:
    part_index() = default;
    part_index(const part_index&) = delete;
    part_index& operator=(const part_index&) = delete;

private:
    enum class load_state : std::uint8_t { waiting, ready, damaged };

    [[nodiscard]] bool load_once() const VECSTORE_EXCLUDES(mutex_);
    /// By one thread, once when it succeeds; nothing else runs before. May throw std::bad_alloc.
    [[nodiscard]] virtual result<void> load() const = 0;
    [[nodiscard]] virtual std::vector<neighbor> find(const part_request& request, part_cost& cost) const = 0;

    mutable query_mix mix_;
    mutable published<std::shared_ptr<const calibration>> by_queries_;
    mutable std::atomic<bool> any_by_queries_{false};  ///< so that nobody pins what is not there
    mutable std::atomic<load_state> state_{load_state::waiting};
    mutable mutex mutex_;
    mutable error failure_ VECSTORE_GUARDED_BY(mutex_);
};

}  // namespace vecstore::detail
