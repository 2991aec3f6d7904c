/// A directory (or memory) with collections: one log, one set of tables, many parts.
/// Thread safety: every function from any number of threads. A `database` is a cheap handle; copies mean the same
/// database.
/// Lifetime: the database closes when the last handle, collections included, is gone; `close` does it now and reports
/// errors.
/// Processes: one process may have a directory open for writing; any number may have it open read-only.
///   What a read-only database shows is one state of the writer's: at opening, the last checkpoint and the log behind
///   it. It moves on, never back, as a whole and for all its handles, when something is read (a call of `collection`,
///   `open_collection`, `list_collections`) after the writer has written a checkpoint that is newer; `refresh` does
///   so without reading. A call sees one state from its beginning to its end; two calls may see two.
///   What it costs the writer: nothing waits for a reader, and none keeps the tables longer than a call. A reader that is
///   stopped in the middle of one keeps the pages that its call can see, until the tables' file is compacted (by
///   `optimize`, and in the background when half of it is free): then the stopped reader has the old file for itself,
///   and the writer's goes on without it. A reader that does not read keeps the parts of the state that it shows,
///   deleted or not, until it reads or refreshes. So each reader holds at most one old state, however long it sleeps; a
///   killed one holds nothing from the writer's next checkpoint on.
/// Copies: a database that is one of several (replication/node.hpp) gives for every write, beside the errors named below,
///   `not_leader` (nothing was written; the message ends with the leader's address) and `unknown_outcome` (whether it
///   will be there is not known; given again with the same `operation_id`, it is done once).
/// Fork: a child must open the database anew (read-only, while the parent has it open). Handles from before the fork give
/// `unavailable` there, and letting go of them changes nothing.
/// Guarantees: a write that returned with `durability::sync` is found again after kill -9 and power loss, a write is
/// there whole or not at all, and a damaged file gives `errc::corruption` with its name, never a wrong answer.
#pragma once

#include <vecstore/collection/collection.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/database/aliases.hpp>
#include <vecstore/database/backup.hpp>
#include <vecstore/database/changes.hpp>
#include <vecstore/database/options.hpp>
#include <vecstore/database/write_batch.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore {

namespace detail {
class database_state;
struct database_access;
}

class database {
public:
    /// Opens the database in `directory`, making it if need be. Replays the log behind the last checkpoint.
    /// Errors: invalid_argument (options), unavailable (another process has it open for writing; the message names it),
    ///         not_found (nothing there and `create` is off or `read_only` on), corruption (path, offset), io,
    ///         resource_exhausted (disk full), unsupported (made by a newer version, on a network file system, or encrypted
    ///         and built without OpenSSL), wrong_key (found before anything else is read; also no key for an encrypted
    ///         database, or one for a plain one).
    /// Cost:   reading the tables once (memory or disk speed) and 5 bytes for each row of the parts, plus the log behind
    ///         the checkpoint; with `verification::on_open` all parts and indexes, too.
    [[nodiscard]] static result<database> open(const std::string& directory, const database_options& options = {},
                                               const database_environment& environment = {});

    /// A database in memory: the same functions, gone with its last handle.
    [[nodiscard]] static result<database> in_memory(const database_options& options = {});

    /// Errors: invalid_argument (name, options, an alias of that name), already_exists, resource_exhausted, unavailable.
    /// Durability: sync.
    [[nodiscard]] result<collection> create_collection(const std::string& name, const collection_options& options);
    /// By its name or by an alias.  Errors: not_found, unavailable.
    [[nodiscard]] result<collection> open_collection(std::string_view name) const;
    /// Erases the collection, all its points and its aliases. By its own name only.
    /// Errors: not_found, unavailable.  Durability: sync.
    result<void> drop_collection(std::string_view name);
    /// Names, ascending.  Errors: unavailable.
    [[nodiscard]] result<std::vector<std::string>> list_collections() const;
    /// Errors: not_found, unavailable.
    [[nodiscard]] result<collection_info> describe(std::string_view name) const;

    /// Takes all these steps, in order, or none: nobody sees the aliases in between.
    /// Errors: the message names the step: invalid_argument (name), already_exists (a collection has the alias's name),
    ///         not_found (no such collection, no such alias to rename), resource_exhausted, unavailable.
    /// Durability: sync.
    result<void> update_aliases(const std::vector<alias_action>& actions);
    /// One step each.  Errors: as `update_aliases`.
    result<void> create_alias(const std::string& alias, const std::string& collection);
    result<void> erase_alias(const std::string& alias);
    result<void> rename_alias(const std::string& from, const std::string& to);
    /// All aliases by name, or those of one collection.  Errors: not_found, unavailable.
    [[nodiscard]] result<std::vector<collection_alias>> list_aliases(
        const std::optional<std::string>& collection = {}) const;

    /// Writes all entries of the batch, or none; write_batch.hpp says what is promised. An empty batch writes nothing.
    /// Errors: those of the functions of `collection` (the message names the entry; nothing is written), and
    ///         invalid_argument (a collection of another database, a filter behind other changes, more than
    ///         `write_bytes_max` bytes).
    /// Cost:   one sync, shared with other writers when the batch has neither selectors nor conditions.
    result<write_result> write(const write_batch& batch, const write_options& options = {});

    /// Erases the points whose `expire_at` is at or before `now_ms` (default: the clock), through the log like any other
    /// write: so all who follow the log agree. The background thread does it, too.
    /// Gives how many there were.  Errors: as `collection::erase`.  Cost: O(log n) for each, none for the others.
    result<std::size_t> expire_due(std::optional<std::uint64_t> now_ms = {});

    /// What happened behind `after` and will happen; changes.hpp says how. The default is all that is in the log.
    /// Errors: not_found (the log begins later; the message says where), conflict (`after` is ahead of the log),
    ///         unsupported (a database in memory has no log), io, unavailable.
    [[nodiscard]] result<change_feed> changes(const change_token& after = {}) const;
    /// The same, given to a callback by a thread of its own.  Errors: as `changes`, and resource_exhausted (no thread).
    [[nodiscard]] result<change_subscription> subscribe(const change_token& after, change_callback callback) const;
    /// Behind all writes acknowledged so far, which it makes durable: where to go on after having read the collections.
    /// Errors: those of `flush`, and unsupported (in memory).
    [[nodiscard]] result<change_token> change_position();
    /// Keeps the log behind `after` for the reader of that name, up to `log_hold_bytes_max`, across reopening too.
    /// Call it again as the reader gets on; that costs nothing. A crash may take the later calls back, so that a little
    /// more is kept.
    /// Errors: invalid_argument (name), io, unavailable.  Durability: of the first call with a name, sync.
    result<void> keep_log_for(const std::string& reader, const change_token& after);
    /// The reader needs the log no longer.  Errors: not_found, io, unavailable.  Durability: sync.
    result<void> forget_log_reader(const std::string& reader);

    /// Makes all acknowledged writes durable, those with `durability::async` too.  Errors: io, unavailable.
    result<void> flush();
    /// Writes tables and parts up to now, and lets go of the log before.  Errors: resource_exhausted, io, unavailable.
    result<void> checkpoint();
    /// Brings the database into its fastest form for reading: checkpoint, one part for each vector, graphs built.
    /// Writes and reads go on meanwhile.
    /// Errors: cancelled (`report` returned false; what was done stays), resource_exhausted, io, corruption,
    /// unavailable.
    result<void> optimize(const progress_callback& report = {});
    /// Reads all files of parts and indexes from the disk, now and as fast as it can, and holds them against their
    /// checksums. What is damaged is refused to queries from then on, and counted in `stats`.
    /// Errors: corruption (the first finding; the others are looked for all the same), cancelled (`report` returned
    /// false), io, unavailable.
    result<void> scrub(const progress_callback& report = {});
    /// Read-only: goes over to the newest checkpoint, and to merged parts and new graphs of the state that it has. True
    /// when there was something new. Reads follow checkpoints by themselves, so this is for readers that pause, to let go
    /// of old files. A database open for writing is always at the newest state: false.
    /// Cost: a look at the tables, when there is nothing new; else as opening.
    /// Errors: those of `open`; all stays as it was.
    result<bool> refresh();

    /// Writes a checkpoint, stops the background thread and lets go of the directory. Later calls give `unavailable`.
    /// Waits for the threads inside `optimize`, which is cancelled; so it must not be called from its `report`.
    /// Errors: those of `checkpoint`; the database is closed all the same, and nothing acknowledged is lost.
    result<void> close();

    [[nodiscard]] result<database_stats> stats() const;

    /// Makes the directory `path`, a snapshot of now: all writes up to one lsn (database/backup.hpp). Writes and reads go
    /// on meanwhile; a checkpoint is written first. A database in memory is written to disk by this.
    /// Errors: already_exists (`path`), unavailable, resource_exhausted, corruption, io. Then there is no `path`.
    /// Cost:   copies the tables; reads the parts for their checksums, and links them where the file system has links.
    result<snapshot_info> snapshot(const std::string& path);
    /// Adds a backup of now to `directory`, making it if need be, and the log since the last one. Parts that the newest
    /// backup has are linked to it, all else is copied. Without a write since, the newest backup is given again.
    /// Errors: as `snapshot`; already_exists (backups of another database), unavailable (another backup is under way).
    result<snapshot_info> backup(const std::string& directory);
    /// The database of a directory of backups as it was at `lsn` exactly, read-only: the newest snapshot at or before it,
    /// and the log from there on in memory.
    /// Errors: as `restore_backup` and `open`.  Cost: as `open`, and the replay of the log.
    [[nodiscard]] static result<database> as_of(const std::string& backups, std::uint64_t lsn,
                                                const database_options& options = {},
                                                const database_environment& environment = {});

private:
    friend struct detail::database_access;  // for the modules beside the store
    explicit database(std::shared_ptr<detail::database_state> state) noexcept : state_(std::move(state)) {}
    std::shared_ptr<detail::database_state> state_;
};

}  // namespace vecstore
