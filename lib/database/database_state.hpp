/// The inside of a database: directory, log, tables, collections, and the tasks that keep them in shape.
///
/// Who may do what:
///  - the thread that has the turn in `queue_` appends to the log, applies and publishes ("the writer"). With a gate the records go
///  through that, and its owner's thread appends, syncs and cuts (`with_log`); the writer waits until they are committed;
///  - the holder of `checkpoint_mutex_` writes tables and parts and changes the manifest; it takes the turn for moments
///  only;
///  - the holder of `optimizer_mutex_` runs one optimizer job; it takes `checkpoint_mutex_` to install what the job
///  made.
/// Order of locks: snapshot_mutex_, optimizer_mutex_, fields_mutex_, checkpoint_mutex_, the turn, log_mutex_, catalog_mutex_, position_mutex_, status_mutex_. Readers take none of
/// the first three.
/// Steps of a checkpoint at lsn c: sync the log to c and seal (the turn); parts (files); tables with applied = c (one
/// transaction); control slot; install and release the log before c (the turn). A crash between any two leaves a state
/// from which `open` gets to the same place: what is not in the tables is still in the log.
#pragma once

#include "archive.hpp"
#include "commit_gate.hpp"
#include "commit_queue.hpp"
#include "disk_reserve.hpp"
#include "inflow.hpp"
#include "pace.hpp"
#include "scrub.hpp"
#include "storage/fork_generation.hpp"
#include "store_cipher.hpp"
#include "write_ids.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/database/aliases.hpp>
#include <vecstore/database/changes.hpp>
#include <vecstore/database/database.hpp>
#include <vecstore/storage/control_file.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/wal/reader.hpp>
#include <vecstore/wal/writer.hpp>

#include <collection/fields/run_files.hpp>
#include <collection/port.hpp>
#include <collection/upkeep/checkpoint.hpp>
#include <collection/upkeep/optimizer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace vecstore::detail {

/// A new uuid, version 4.
[[nodiscard]] std::array<std::byte, 16> make_uuid();

class database_state final : public database_port, public std::enable_shared_from_this<database_state> {
public:
    /// `directory` empty: in memory.
    [[nodiscard]] static result<std::shared_ptr<database_state>> open(std::string directory,
                                                                      const database_options& options,
                                                                      const database_environment& environment);
    /// Not called in a child after fork, where an open database is left as it is.
    ~database_state() override;

    // database_port
    result<write_result> commit(write_request request) override;
    [[nodiscard]] result<std::shared_ptr<collection_state>> find_collection(std::string_view name) override {
        return find(name);
    }
    storage::table_store& tables() noexcept override { return *tables_; }
    [[nodiscard]] std::uint64_t now_ms() const override { return clock_(); }
    [[nodiscard]] std::uint64_t steady_ms() const override { return steady_clock_(); }
    [[nodiscard]] result<std::uint64_t> checkpoint_bound(storage::table_reader& tables) const override;
    [[nodiscard]] result<void> check_open() const override;
    result<void> refresh() override;
    /// As `database::refresh`.
    result<bool> catch_up();

    // Catalog
    result<collection> create_collection(const std::string& name, const collection_options& options);
    result<void> drop_collection(const std::string& name);
    [[nodiscard]] result<std::shared_ptr<collection_state>> find(std::string_view name);
    [[nodiscard]] result<std::vector<std::string>> names();

    // aliases.cpp
    result<void> update_aliases(std::span<const alias_action> actions);
    /// All, or those of one collection.
    [[nodiscard]] result<std::vector<collection_alias>> aliases(const std::optional<std::string>& collection);

    // transaction.cpp
    result<write_result> write(const write_batch& batch, const write_options& options);

    // expiry.cpp
    result<std::size_t> expire_due(std::uint64_t now_ms);

    // log_readers.cpp: for those who read the log
    [[nodiscard]] result<wal::cursor> open_log_cursor(std::uint64_t after_lsn);
    /// A record that such a cursor gave, readable; its payload may lie in `into`.
    [[nodiscard]] result<wal::record> readable(const wal::record& stored, byte_vector& into) const {
        return cipher_.open(stored, into);
    }
    /// Up to here the log is durable and applied, and ends with a whole write.
    [[nodiscard]] std::uint64_t readable_lsn() const noexcept;
    /// Waits until more than `lsn` is readable, or for `timeout`; may return early.
    void wait_readable(std::uint64_t lsn, std::chrono::milliseconds timeout);
    void notify_feeds();
    /// Name and options of a collection, also of one that was dropped while the log still speaks of it.
    [[nodiscard]] std::optional<named_options> schema_of(collection_id id) const;
    result<change_token> change_position();
    result<void> keep_log_for(const std::string& reader, std::uint64_t lsn);
    result<void> forget_log_reader(const std::string& reader);

    // fields.cpp
    result<write_result> create_field_index(const std::shared_ptr<collection_state>& state, const std::string& path,
                                            const field_schema& schema, const field_index_options& options) override;
    result<write_result> drop_field_index(const std::shared_ptr<collection_state>& state,
                                          const std::string& path) override;

    // replicated.cpp: for replication, with which the log is shared
    struct applied_state {
        log_position at;
        byte_vector config;  ///< payload of the last record of type config; empty: none
    };
    /// True from opening on when the directory has a file `replica`: records behind the checkpoint are not applied before a gate
    /// says that they are committed, and nothing is written without one.
    [[nodiscard]] bool is_member() const noexcept { return member_; }
    /// Makes it one: `make_file` makes that file, while nothing is written.
    /// Errors: unsupported, already_exists, unavailable, and those of `make_file`.
    result<void> become_member(const std::function<result<void>(storage::file_system&)>& make_file);
    /// From now on writes go through `gate`, which must outlive `detach`.
    /// Errors: unsupported, already_exists (there is one), unavailable.
    result<void> attach(commit_gate& gate);
    void detach();
    [[nodiscard]] result<applied_state> applied();
    /// Applies what is committed, in turns with writes and checkpoints; gives the lsn that is applied.
    /// Errors: unavailable (poisoned, closed, detached), and those of applying, which poison.
    result<std::uint64_t> apply_committed(std::uint64_t upto);
    /// Nobody else uses the log meanwhile.  Errors: unavailable (closed), and those of `action`.
    template <class Action>
    auto with_log(const Action& action) -> decltype(action(std::declval<wal::writer&>())) {
        const lock_guard lock(log_mutex_);
        if (!log_) return error{errc::unavailable, "the database is closed", directory_, 0};
        return action(*log_);
    }
    /// The log cannot be trusted any more: poisons the database.
    void log_failed(error cause);
    /// For database_stats::last_error.
    void note_trouble(const error& e) { note_error(e); }
    /// While it follows it does not erase what has expired.
    void set_following(bool following) noexcept { following_ = following; }
    /// The log from there on is kept for other copies, within `log_hold_bytes_max`.
    void hold_log_from(std::uint64_t lsn) noexcept { held_lsn_ = lsn; }
    [[nodiscard]] const std::shared_ptr<storage::file_system>& files() const noexcept { return files_; }
    [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

    // Upkeep
    result<void> flush();
    result<void> checkpoint();
    result<void> optimize(const progress_callback& report);
    result<void> scrub(const progress_callback& report);
    /// Builds what indexes parts lack, and rewrites no part.
    result<void> build_indexes(const progress_callback& report);
    result<void> close();
    [[nodiscard]] result<database_stats> stats();

    // Copies: snapshot.cpp, restore.cpp
    result<snapshot_info> snapshot(const std::string& target);
    result<snapshot_info> backup(const std::string& directory);
    /// A backup of `directory`, opened read-only, and the log kept there on top of it up to `lsn`.
    [[nodiscard]] static result<std::shared_ptr<database_state>> open_as_of(const std::string& directory,
                                                                            std::uint64_t lsn,
                                                                            const database_options& options,
                                                                            const database_environment& environment);

private:
    /// A checkpoint between sealing and installing; kept when a step failed, and taken up again by the next try.
    struct unfinished_checkpoint {
        std::uint64_t lsn = 0;
        std::uint64_t term = 0;
        std::uint32_t chain = 0;
        collection_id next_collection = 1;
        std::vector<std::shared_ptr<collection_state>> collections;
        std::vector<part_list> parts;             ///< of each collection, by slot
        std::vector<std::vector<made_run>> runs;  ///< of each collection
        std::vector<collection_id> dropped;
        std::vector<write_ids::entry> named_writes;
        std::map<std::string, collection_id, std::less<>> aliases;
        std::uint64_t log_first_lsn = 1;
        byte_vector config;
    };
    /// A collection that is gone, as long as the log speaks of it.
    struct past_collection {
        std::uint64_t lsn = 0;  ///< of the drop
        named_options schema;
    };

    /// An lsn and the hash of all collections there.
    struct state_position {
        std::uint64_t lsn = 0;
        std::optional<hash128> hash = hash128{};
    };

    database_state(std::string directory, const database_options& options, const database_environment& environment);

    // open.cpp
    [[nodiscard]] static result<std::shared_ptr<database_state>> open_once(const std::string& directory,
                                                                           const database_options& options,
                                                                           const database_environment& environment);
    result<void> start(const encryption_key& key);
    result<void> open_cipher(const encryption_key& key);
    [[nodiscard]] result<void> check_file_system();
    result<void> open_directory();
    result<void> open_control();
    result<void> open_tables();
    result<void> open_own_tables();
    result<void> check_format();
    result<std::uint64_t> load();
    result<void> replay(std::uint64_t applied_lsn);
    result<void> apply_recovered(const wal::record& record, storage::table_reader& tables);
    result<void> open_log(const wal::log_end& end);
    result<void> remove_unlisted();
    void publish_catalog();
    void publish_position();
    [[nodiscard]] storage::control_state known_control() const;
    void note_missing(std::string line);
    result<void> salvage_tables();
    result<void> follow();
    [[nodiscard]] result<bool> behind();
    [[nodiscard]] result<bool> other_parts();
    result<void> reload() VECSTORE_REQUIRES(checkpoint_mutex_);
    result<void> load_and_replay();

    // write.cpp: by the writer
    void process(std::span<commit_queue::entry* const> group);
    result<void> prepare(write_request& request);
    void answer_repeated(std::span<commit_queue::entry* const> group);
    result<void> process_group(std::span<commit_queue::entry* const> group);
    result<void> write_group(std::span<commit_queue::entry* const> group);
    result<log_position> append(std::span<commit_queue::entry* const> group);
    result<log_position> append_here(std::span<wal::draft> drafts, std::uint64_t& bytes);
    result<void> encrypt(std::span<wal::draft> drafts, std::vector<byte_vector>& into) const
        VECSTORE_REQUIRES(log_mutex_);
    result<log_position> append_to_full_disk(std::span<commit_queue::entry* const> group, const error& cause);
    [[nodiscard]] bool ensure_reserve();
    result<void> apply_group(std::span<commit_queue::entry* const> group, const log_position& last);
    result<void> apply_record(const wal::record& record, storage::table_reader& tables);
    result<void> apply_stored(const wal::record& stored, storage::table_reader& tables);
    result<void> apply_ddl(const wal::record& record);
    void create_applied(collection_id id, named_options made, std::uint64_t lsn);
    void drop_applied(std::shared_ptr<collection_state> state, std::uint64_t lsn);
    [[nodiscard]] result<void> check_writable() const;
    result<void> sync_log();
    error poison(error cause);

    // replicated.cpp
    [[nodiscard]] result<void> check_member() const;
    result<void> apply_from_log(std::uint64_t upto, std::size_t bytes_max);
    result<void> apply_batches(std::uint64_t upto, std::size_t bytes_max, storage::table_reader& tables);
    [[nodiscard]] std::optional<hash128> current_hash() const;
    result<void> load_config(storage::table_reader& tables);
    result<void> sync_shared_log();

    // aliases.cpp
    using alias_map = std::map<std::string, collection_id, std::less<>>;
    [[nodiscard]] result<std::shared_ptr<collection_state>> find_exactly(std::string_view name);
    result<void> act(const alias_action& action, alias_map& on);
    [[nodiscard]] result<void> check_free(const std::string& name);
    void apply_aliases(const alias_changes& changes);
    void forget_aliases_of(collection_id id);
    void publish_aliases();
    void list_aliases_locked() VECSTORE_REQUIRES(catalog_mutex_);
    result<void> load_aliases(storage::table_reader& tables);
    static result<void> store_aliases(storage::table_writer& tables, const alias_map& aliases);

    // checkpoint.cpp
    result<void> checkpoint_locked() VECSTORE_REQUIRES(checkpoint_mutex_);
    result<void> checkpoint_steps() VECSTORE_REQUIRES(checkpoint_mutex_);
    result<void> seal_all() VECSTORE_REQUIRES(checkpoint_mutex_);
    result<void> catch_up_control() VECSTORE_REQUIRES(checkpoint_mutex_);
    result<void> write_checkpoint_tables() VECSTORE_REQUIRES(checkpoint_mutex_);
    result<void> install_checkpoint() VECSTORE_REQUIRES(checkpoint_mutex_);
    void remove_dropped(const std::vector<collection_id>& dropped);
    [[nodiscard]] bool checkpoint_due() const noexcept;
    void checkpoint_if_due();

    // log_readers.cpp
    void notify_feeds_of_write() noexcept;
    result<void> load_log_readers(storage::table_reader& tables);
    result<void> store_log_readers(storage::table_writer& tables, const unfinished_checkpoint& c);
    result<void> release_log(std::uint64_t upto_lsn) VECSTORE_REQUIRES(log_mutex_);

    // expiry.cpp
    void expire_in_background();

    // snapshot.cpp
    struct snapshot_build;
    result<void> make_snapshot(snapshot_build& build) VECSTORE_REQUIRES(snapshot_mutex_);
    result<snapshot_info> make_backup(snapshot_build& build, const std::string& directory)
        VECSTORE_REQUIRES(snapshot_mutex_);
    result<void> hold_still(snapshot_build& build, const std::string& staging) VECSTORE_REQUIRES(snapshot_mutex_);
    result<void> fill_snapshot(snapshot_build& build, const std::string& staging);
    result<void> take_part(snapshot_build& build, const std::string& staging, const listed_file& file);
    result<void> take_tables(snapshot_build& build);
    result<void> finish_snapshot(snapshot_build& build, const std::string& target);
    /// Ends the segment being written and keeps all that are closed; gives the first lsn that is not kept.
    [[nodiscard]] result<std::uint64_t> archive_log(storage::file_system& files, const std::string& archive)
        VECSTORE_REQUIRES(checkpoint_mutex_);
    /// Before the log is let go of: into the archive of the options. What fails is noted, and the log stays.
    void archive_before_release() VECSTORE_REQUIRES(checkpoint_mutex_);
    result<void> replay_archive(const std::string& archive, const log_position& from, std::uint64_t lsn);

    // idle.cpp: by the background thread, but for `load_indexes`
    void start_idle_work();  ///< by the opener
    [[nodiscard]] std::optional<std::chrono::milliseconds> until_idle_work() const;
    void idle_step();
    result<void> load_indexes();
    void scrub_slice();

    // upkeep.cpp
    void run_background();
    void step_by_time();  ///< each checkpoint interval
    void background_step();
    [[nodiscard]] bool comes_slowly(const collection_state& state, std::size_t slot);
    result<void> optimize_in_tiers(collection_state& state) VECSTORE_REQUIRES(optimizer_mutex_);
    result<void> run_and_install(collection_state& state, const optimizer_job& job, const progress_callback& report)
        VECSTORE_REQUIRES(optimizer_mutex_);
    result<void> install_job(collection_state& state, const optimizer_outcome& outcome);

    // recheck.cpp: measuring indexes with queries that came
    void recheck_in_background();  ///< by the background thread
    result<void> recheck_all(const progress_callback& report) VECSTORE_REQUIRES(optimizer_mutex_);
    [[nodiscard]] bool samples_queries() const noexcept { return options_.sample_queries && !options_.read_only; }

    // fields.cpp: payload indexes
    result<void> build_missing_fields(collection_state& state, const field_progress& keep_going)
        VECSTORE_REQUIRES(fields_mutex_);
    result<void> build_field(collection_state& state, std::uint64_t index, const field_progress& keep_going)
        VECSTORE_REQUIRES(fields_mutex_);
    /// Merges runs in tiers; with `fully`, to one without dead rows.
    result<void> merge_fields(collection_state& state, bool fully, const field_progress& keep_going)
        VECSTORE_REQUIRES(fields_mutex_);
    result<void> merge_field(collection_state& state, const indexed_field& field, std::span<const field_run> inputs,
                             const field_progress& keep_going) VECSTORE_REQUIRES(fields_mutex_);
    /// Puts `made`, if there is one, in the place of the runs up to `lsn`; of `inputs` alone, when there are some.
    result<void> install_run(collection_state& state, std::uint64_t index, std::span<const field_run> inputs,
                             std::uint64_t lsn, std::optional<field_run> made) VECSTORE_REQUIRES(fields_mutex_);
    void remove_runs(const collection_state& state, std::span<const field_run> runs);
    result<void> tend_fields(collection_state& state);  ///< by the background thread
    result<void> optimize_fields(const progress_callback& report);
    [[nodiscard]] field_progress watched(std::function<bool(std::size_t)> report);

    // space.cpp
    /// Removes the marks of dead versions that no part has rows of and no id leads to.
    result<void> forget_vanished(collection_state& state) VECSTORE_REQUIRES(optimizer_mutex_);
    /// Lets go of the log before the checkpoint, if there is much of it.
    result<void> trim_log();
    /// Gives back what is free in the tables' file, if that is more than one part in `share` of it.
    result<void> compact_tables(std::uint64_t share) VECSTORE_REQUIRES(optimizer_mutex_);
    /// All of that. Precondition: nothing to gain from a checkpoint.
    result<void> give_space_back() VECSTORE_REQUIRES(optimizer_mutex_);

    /// `now` false: only let it see that something has changed (a write that waits for the flush interval).
    void wake_background(bool now);
    void note_error(const error& e);
    /// Rests for as long as the budgets want; false when there is no reason to go on.
    [[nodiscard]] bool keep_pace(const optimizer_pace& pace, const std::function<bool()>& keep_going);
    /// Counts the files of a part as written; `indexes_only`: its rows were there before.
    void count_part(const collection_state& state, std::size_t slot, const part& written, bool indexes_only);
    [[nodiscard]] std::vector<std::shared_ptr<collection_state>> all_collections() const;

    [[nodiscard]] bool in_memory() const noexcept { return directory_.empty(); }
    [[nodiscard]] std::string archive_path() const {
        return storage::join_path(options_.archive_directory, backup_log_name);
    }
    [[nodiscard]] std::string path(std::string_view name) const { return storage::join_path(directory_, name); }

    const std::string directory_;
    const database_options options_;
    const std::function<std::uint64_t()> clock_;
    const std::function<std::uint64_t()> steady_clock_;
    const bool tables_given_;  ///< with the environment
    std::shared_ptr<storage::file_system> files_;
    store_cipher cipher_;                               ///< by the opener
    std::shared_ptr<storage::file_system> part_files_;  ///< `files_`, but for contents: parts and dumps of tables
    std::shared_ptr<storage::table_store> tables_;
    std::unique_ptr<storage::file_lock> lock_;
    std::optional<disk_reserve> reserve_;  ///< none in memory and when read-only
    const std::uint32_t process_ = storage::watch_forks();
    std::optional<storage::control_file> control_;  ///< by the opener, then under checkpoint_mutex_

    // Without a gate the log is the writer's alone, and nobody waits for this.
    mutable mutex log_mutex_;
    std::optional<wal::writer> log_ VECSTORE_GUARDED_BY(log_mutex_);

    // The writer's own.
    commit_gate* gate_ = nullptr;
    log_position applied_;       ///< lsn_, and what record that is; the log may go on behind it
    byte_vector config_;         ///< payload of the last record of type config; not looked at here
    bool half_applied_ = false;  ///< something stopped it in the middle
    collection_id next_collection_ = 1;
    std::vector<collection_id> dropped_;  ///< since the last seal
    std::map<collection_id, std::shared_ptr<collection_state>> by_id_;
    write_ids write_ids_;
    std::map<std::string, collection_id, std::less<>> aliases_;

    // Written by the writer, read by anyone.
    std::atomic<std::uint64_t> lsn_{0};
    std::atomic<std::uint64_t> durable_lsn_{0};
    std::atomic<std::uint64_t> parts_sum_{0};  ///< read-only: of the list of parts, as it was loaded
    std::atomic<std::uint64_t> checkpoint_lsn_{0};
    std::atomic<std::uint64_t> committing_lsn_{0};  ///< raised before a checkpoint can be seen in the tables
    std::atomic<std::uint64_t> releasable_lsn_{~std::uint64_t{0}};  ///< the log from here on must stay
    std::atomic<std::uint64_t> log_bytes_{0};                       ///< of the log files
    std::atomic<std::uint64_t> bytes_since_seal_{0};
    std::atomic<std::uint64_t> user_bytes_written_{0};
    std::atomic<std::uint64_t> log_bytes_written_{0};
    std::atomic<std::uint64_t> part_bytes_written_{0};
    std::atomic<std::uint64_t> held_lsn_{~std::uint64_t{0}};  ///< other copies need the log from here on
    std::atomic<bool> member_{false};                         ///< of a cluster
    std::atomic<bool> following_{false};                      ///< a member that does not lead
    std::atomic<bool> poisoned_{false};
    std::atomic<bool> any_expiring_{false};  ///< some collection has points that expire
    std::atomic<bool> closed_{false};
    std::atomic<bool> closing_{false};
    std::atomic<int> optimizers_waiting_{0};  ///< calls of `optimize` to which the background thread gives way

    commit_queue queue_;
    mutex snapshot_mutex_;  ///< one snapshot or backup at a time
    mutex optimizer_mutex_;
    bool compaction_unsupported_ VECSTORE_GUARDED_BY(optimizer_mutex_) = false;
    mutex fields_mutex_;  ///< one payload index is built or merged at a time
    mutex checkpoint_mutex_;
    std::optional<unfinished_checkpoint> unfinished_ VECSTORE_GUARDED_BY(checkpoint_mutex_);
    log_position sealed_position_ VECSTORE_GUARDED_BY(checkpoint_mutex_);  ///< when last asked to seal

    mutable mutex catalog_mutex_;
    std::map<std::string, std::shared_ptr<collection_state>, std::less<>> by_name_ VECSTORE_GUARDED_BY(catalog_mutex_);
    std::map<std::string, std::shared_ptr<collection_state>, std::less<>> by_alias_ VECSTORE_GUARDED_BY(catalog_mutex_);
    std::map<collection_id, past_collection> past_ VECSTORE_GUARDED_BY(catalog_mutex_);
    std::map<std::string, std::uint64_t> log_readers_ VECSTORE_GUARDED_BY(catalog_mutex_);  ///< what they have, as lsn

    mutex feed_mutex_;
    condition feed_signal_;
    std::atomic<int> feeds_waiting_{0};

    mutable mutex position_mutex_;
    state_position position_ VECSTORE_GUARDED_BY(position_mutex_);

    mutable mutex status_mutex_;
    std::string last_error_ VECSTORE_GUARDED_BY(status_mutex_);
    error poison_cause_ VECSTORE_GUARDED_BY(status_mutex_);
    salvage_log missing_ VECSTORE_GUARDED_BY(status_mutex_);  ///< of a database open for salvage
    bool background_wanted_ VECSTORE_GUARDED_BY(status_mutex_) = false;
    bool jobs_postponed_ = false;  ///< this and the next: the background thread's own
    inflow inflow_;
    condition background_signal_;
    std::atomic<std::int64_t> next_expiry_ms_{0};  ///< when the background thread looks again, by the steady clock

    // What the background thread does when nothing else is to be done; its own, but for the counters.
    std::optional<first_look> first_look_;
    std::optional<scrub_pass> scrub_pass_;
    std::chrono::steady_clock::time_point idle_work_at_;
    std::uint64_t lsn_at_last_step_ = 0, tidied_lsn_ = 0;  ///< of `step_by_time`
    scrub_counters scrubbed_;

    std::thread background_;
};

/// For the modules that work on the inside of a database.
struct database_access {
    [[nodiscard]] static const std::shared_ptr<database_state>& state_of(const database& db) noexcept {
        return db.state_;
    }
    [[nodiscard]] static database handle_to(std::shared_ptr<database_state> state) noexcept {
        return database(std::move(state));
    }
};

}  // namespace vecstore::detail
