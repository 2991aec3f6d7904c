/// The state of one collection: what `apply` makes of the log, on top of a checkpoint.
/// `apply` is the only way in which points change: live writes, recovery and (later) followers go through it. It is
/// deterministic: no clock, no random, nothing that depends on which parts exist.
///
/// Generations. Newest changes go to the active overlay and memtables. `seal` (the start of a checkpoint) sets them
/// aside and starts empty ones; readers look through both. When the checkpoint is committed, `install` publishes the
/// new parts and drops what was sealed.
///
/// Thread safety: functions under "for the writer" are called by one thread at a time, the one that has the writer's
/// turn
/// (database/commit_queue.hpp); `pin` by any number of threads at any time.
#pragma once

#include "lookup.hpp"
#include "view.hpp"

#include <vecstore/collection/options.hpp>
#include <vecstore/core/published.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/table_store.hpp>
#include <vecstore/wal/record.hpp>

#include <collection/fields/filter_cache.hpp>
#include <collection/fields/indexed_field.hpp>
#include <collection/search/query_sampler.hpp>
#include <collection/sparse/sparse_row.hpp>
#include <collection/write/operation.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::detail {

/// When which version of a point expires.
using expiry_entry = std::pair<std::uint64_t, ordinal_id>;

/// A run for the payload index with that id.
struct made_run {
    std::uint64_t index = 0;
    field_run run;
};

/// What a checkpoint has to write for one collection. Immutable once sealed.
struct sealed_changes {
    std::uint64_t lsn = 0;
    ordinal_id ordinal_end = 0;
    std::size_t point_count = 0;
    std::optional<hash128> state_hash;
    std::shared_ptr<const collection_notes> notes;
    std::shared_ptr<const overlay> changes;
    std::vector<std::shared_ptr<const memtable>> memtables;  ///< by slot
    std::set<expiry_entry> expiring;                         ///< of `changes`
    std::shared_ptr<const field_list> fields;                ///< payload indexes, then
    field_list dropped_fields;                               ///< dropped since the seal before
};

/// What a checkpoint holds of one collection besides ids and points.
struct restored_state {
    ordinal_id ordinal_end = 0;
    std::size_t point_count = 0;
    std::uint64_t next_part = 1;
    std::shared_ptr<tombstones> deaths;
    std::shared_ptr<ordinal_set> edits;
    std::vector<part_list> parts;  ///< by slot
    bool expiring = false;         ///< points may have an expire_at
    std::optional<hash128> state_hash = std::nullopt;
    std::shared_ptr<const lost_data> lost = {};  ///< of a salvaged collection
    std::shared_ptr<const field_list> fields = std::make_shared<const field_list>();
};

class collection_state {
public:
    collection_state(collection_id id, std::string name, collection_options options);

    [[nodiscard]] collection_id id() const noexcept { return id_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const collection_options& options() const noexcept { return options_; }
    /// Of the sparse vectors that take texts.
    [[nodiscard]] const text_encoders& encoders() const noexcept { return encoders_; }

    /// As they were when the collection was made, with newer notes in place of those.
    [[nodiscard]] collection_options options_with(const collection_notes& notes) const;

    /// The newest state.
    [[nodiscard]] snapshot<view> pin() const noexcept { return view_.pin(); }

    // For the writer
    // ---------------------------------------------------------------------------------------------------

    /// Takes over what a checkpoint at `lsn` holds, and publishes it.
    void restore(restored_state restored, std::uint64_t lsn);

    /// Becomes what `fresh` is, the same collection loaded anew, and publishes it. For read-only databases.
    void take_over(collection_state& fresh);

    /// Applies an upsert, erase or set_payload record; readers see it after `publish`.
    /// `tables`: a snapshot of the newest checkpoint.
    /// Errors: corruption (the record or a table does not parse). The state is then unusable.
    result<void> apply(const wal::record& record, storage::table_reader& tables);

    /// Applies a DDL record of notes; readers see it after `publish`.
    void annotate(const payload::document& notes);
    [[nodiscard]] const collection_notes& notes() const noexcept { return *notes_; }

    /// Lets readers see all that was applied, as the state at `lsn`.
    void publish(std::uint64_t lsn);
    void publish_dropped(std::uint64_t lsn);

    /// Sets the newest changes aside for a checkpoint at `lsn` and publishes. Precondition: nothing is sealed.
    void seal(std::uint64_t lsn);
    [[nodiscard]] const std::optional<sealed_changes>& sealed() const noexcept { return sealed_; }
    /// Publishes a new list of parts for each slot; with `drop_sealed`, the sealed changes are in the tables now, and `runs`
    /// are of them. Gives back the runs of payload indexes that are gone.
    std::vector<field_run> install(std::vector<part_list> parts, bool drop_sealed, std::vector<made_run> runs = {});
    [[nodiscard]] std::vector<part_list> parts() const;

    /// What they said of the filters of late.
    [[nodiscard]] filter_cache& filters() const noexcept { return filters_; }
    /// Payload indexes (last applied). `path`: as payload::to_string writes it. `create_field` replaces what is there.
    [[nodiscard]] const std::shared_ptr<const field_list>& fields() const noexcept { return fields_; }
    void create_field(std::uint64_t lsn, const std::string& path, const field_schema& schema);
    void drop_field(const std::string& path);
    /// Publishes an index with other runs. False when it is gone.
    bool install_field(std::shared_ptr<const indexed_field> field);

    /// Begins to keep samples of queries. Before readers know of the collection.
    void sample_queries() noexcept;
    /// Of the queries for one named vector; what is noted there changes no state.
    [[nodiscard]] const query_sampler& queries(std::size_t slot) const noexcept { return queries_[slot]; }

    /// Numbers of part files. By the checkpoint or the optimizer, one of which runs at a time.
    [[nodiscard]] std::uint64_t take_part_number() noexcept {
        return next_part_.fetch_add(1, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t next_part() const noexcept { return next_part_.load(std::memory_order_relaxed); }

    /// True once a point with an expire_at was written.
    [[nodiscard]] bool expiring() const noexcept { return expiring_.load(std::memory_order_relaxed); }
    /// Ids of at most `limit` living points whose time has come at `now_ms`. `tables`: as for `apply`.
    /// Errors: corruption, io.
    result<std::vector<point_id>> due_at(std::uint64_t now_ms, std::size_t limit, storage::table_reader& tables);

    /// Hash of all that was applied (state_hash.hpp); none after damage, until it has been computed anew.
    [[nodiscard]] const std::optional<hash128>& state_hash() const noexcept { return state_hash_; }
    /// Sets it, for checkpoints that do not have it, and publishes.
    void adopt_state_hash(const hash128& computed) {
        state_hash_ = computed;
        publish(lsn_);
    }
    /// The ordinal an id has now (last applied, not last published).
    [[nodiscard]] result<std::optional<ordinal_id>> find(const point_id& id, storage::table_reader& tables) const;

private:
    result<void> apply_upsert(byte_reader& in, bool expiring, std::uint64_t lsn, storage::table_reader& tables);
    result<void> apply_erase(byte_reader& in, std::uint64_t lsn, storage::table_reader& tables);
    result<void> apply_edit(byte_reader& in, std::uint64_t lsn, storage::table_reader& tables);
    result<void> edit_point(const point_id& id, payload_edit kind, byte_span body, std::uint64_t lsn,
                            storage::table_reader& tables);
    result<void> due_in_tables(std::uint64_t now_ms, std::size_t limit, storage::table_reader& tables,
                               std::vector<point_id>& ids);
    void kill(ordinal_id ordinal, std::uint64_t lsn);
    [[nodiscard]] result<point_ref> newest_point(ordinal_id ordinal, storage::table_reader& tables,
                                                 bool with_expiry) const;
    [[nodiscard]] std::optional<hash128> vectors_hash_of(ordinal_id ordinal, const point_ref& point) const;
    void subtract_hash(ordinal_id ordinal, storage::table_reader& tables);
    void note_death(ordinal_id ordinal) const noexcept;
    void set_parts(std::vector<part_list> parts);
    std::vector<field_run> add_runs(std::vector<made_run> runs);
    void start_generation();

    const collection_id id_;
    const std::string name_;
    const collection_options options_;
    const text_encoders encoders_;
    published<view> view_;
    std::vector<query_sampler> queries_;  ///< by slot
    std::atomic<std::uint64_t> next_part_{1};
    std::atomic<bool> expiring_{false};

    // The writer's own; readers get at them through views only.
    ordinal_id ordinal_end_ = 0;
    std::size_t point_count_ = 0;
    std::optional<hash128> state_hash_ = hash128{};
    std::shared_ptr<const collection_notes> notes_;
    bool dropped_ = false;
    std::uint64_t lsn_ = 0;
    std::shared_ptr<overlay> changes_;
    std::vector<std::shared_ptr<memtable>> memtables_;
    std::shared_ptr<tombstones> deaths_;
    std::shared_ptr<ordinal_set> edits_;
    std::shared_ptr<const lost_data> lost_;
    std::vector<std::shared_ptr<const part_list>> parts_;
    std::shared_ptr<const field_list> fields_ = std::make_shared<const field_list>();
    field_list dropped_fields_;  ///< since the last seal
    mutable filter_cache filters_;
    std::optional<sealed_changes> sealed_;
    std::set<expiry_entry> due_;       ///< of `changes_`
    byte_vector first_living_expiry_;  ///< key in the tables: what expires before is dead; empty = not known
};

}  // namespace vecstore::detail
