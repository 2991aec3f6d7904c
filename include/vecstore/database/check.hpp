/// Looking a database over without opening it, and mending what can be mended.
///
/// What is checked: both control slots; every segment of the log, record by record, and that they continue each other;
/// every page of the tables in use, its place in its tree, the checksum of every value, and the sums of the pages; that
/// ids and points agree, both ways; ordinals, deaths and the manifest; of every part each block, that its rows ascend,
/// that each living row has its point and that the point is the one the row names; of graphs and lists each block, their
/// structure, and that every living row is found in them; files that nothing refers to.
///
/// `repair` mends what is derived from something else, and drops nothing that could be read, unless it is told to:
/// | finding                        | what is lost                       | mended by                                   |
/// |--------------------------------|------------------------------------|---------------------------------------------|
/// | control_slot, log_torn,        | nothing                            | the next opening for writing (repair        |
/// | log_header, left_over          |                                    | opens, too)                                 |
/// | control                        | nothing, in a store on its own     | repair: from tables and log                 |
/// | sums                           | nothing                            | repair: summed again, if every page is right |
/// | id, death                      | nothing                            | repair: from the points                     |
/// | graph, lists                   | nothing                            | repair: built again from the vectors        |
/// | part_block, part               | vectors, in the blocks named       | repair with `drop_damaged`: the points stay, |
/// |                                |                                    | without these vectors                       |
/// | tables                         | entries of the pages named         | repair with `drop_damaged`: the rest is     |
/// |                                |                                    | written anew                                |
/// | log                            | writes from that lsn on            | repair with `drop_damaged`: cut, the rest    |
/// |                                |                                    | kept in `diverged/`                         |
/// | point                          | payload of these ids               | repair with `drop_damaged`: ids erased      |
/// | keys                           | everything                         | nothing: put a copy of the file `keys` back  |
/// | catalog, version               | a whole collection; or nothing     | nothing here: restore a snapshot, or use a   |
/// |                                |                                    | newer program                               |
/// Thread safety: functions without state. Nobody may have the database open for writing: both take its lock.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/database/options.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore {

enum class severity : std::uint8_t {
    note = 1,     ///< harmless: what a crash or an interrupted program leaves
    warning = 2,  ///< nothing is lost, all answers are right; something is slower or less protected
    error = 3,    ///< data cannot be read, or the database does not open
};
[[nodiscard]] std::string_view to_string(severity level) noexcept;

enum class finding_kind : std::uint8_t {
    control = 1,    ///< both slots of the control file, or it is missing
    control_slot,   ///< one slot
    log,            ///< a record or segment that is needed
    log_header,     ///< one copy of a segment's header, or a segment that the checkpoint has made unneeded
    log_torn,       ///< what a crash left of a write that nobody was promised
    sums,           ///< the sums of the tables' pages are missing, damaged or differ
    tables,         ///< a page or a value of the tables
    catalog,        ///< a collection's own entry
    id,             ///< an id that has no point, or another one's
    point,          ///< a point that cannot be read, or that an id or a row misses
    death,          ///< deaths that do not fit the points
    part,           ///< a part that is missing, is another, or cannot be read at all
    part_block,     ///< a block of a part
    graph,          ///< a graph is missing, damaged, or does not lead to all rows
    lists,          ///< inverted lists, likewise
    left_over,      ///< a file that nothing refers to
    version,        ///< made by a newer version of this library
    keys,           ///< the keys of an encrypted database are damaged or missing: nothing else can be read
    payload_index,  ///< a file of a payload index is missing or damaged
};
[[nodiscard]] std::string_view to_string(finding_kind kind) noexcept;

struct finding {
    severity level = severity::error;
    finding_kind kind = finding_kind::part;
    std::string path;
    std::uint64_t offset = 0;
    std::string what;
    bool derived = false;  ///< made from something else, which is there: mended without loss

    /// One line for people: "error: part_block: block checksum differs [db/parts/1/0/3.part, offset 65536]".
    [[nodiscard]] std::string text() const;
};

struct check_options {
    /// Blocks, pages and records are read in any case; false leaves out what takes time beyond reading: whether every
    /// living row is reached in graphs and lists.
    bool search_indexes = true;
    /// Of one kind and file at most so many findings are kept; the last one says how many more there are.
    std::size_t findings_max = 100;
    progress_callback report = {};
    /// Of an encrypted database.
    encryption_key encryption = {};
};

/// Counts are of what was read and found right or wrong; sizes in bytes.
struct check_report {
    std::vector<finding> findings;  ///< worst first, then by path and offset
    std::uint64_t bytes_read = 0;
    std::uint64_t log_segments = 0;
    std::uint64_t log_records = 0;
    std::uint64_t table_pages = 0;
    std::uint64_t table_entries = 0;
    std::uint64_t collections = 0;
    std::uint64_t points = 0;  ///< in the tables: without those that are only in the log
    std::uint64_t parts = 0;
    std::uint64_t rows = 0;
    std::uint64_t blocks = 0;
    std::uint64_t indexes = 0;

    [[nodiscard]] bool has(severity at_least) const noexcept;
    /// Not even a warning.
    [[nodiscard]] bool healthy() const noexcept { return !has(severity::warning); }
};

/// Reads everything and changes nothing. Works on a database that does not open, and never trusts what it reads.
/// `environment`: as for `database::open`. With tables of its own there are no pages to look at.
/// Errors: not_found (no database there), unavailable (it is open for writing), wrong_key, unsupported (encrypted, and
///         this build cannot decrypt), cancelled, io (the device refuses), resource_exhausted. Damage is no error but in the report.
/// Cost:   everything is read once, the log three times; 16 bytes of memory for each point, and one part mapped at a time.
[[nodiscard]] result<check_report> check(const std::string& directory, const check_options& options = {},
                                         const database_environment& environment = {});

struct repair_options {
    /// Give up what cannot be read, so that the rest can be opened for writing again. What is cut off or replaced is
    /// kept in `diverged/`. Not for a member of a cluster (`unsupported`), whose log others count on.
    bool drop_damaged = false;
    /// How the database is opened when its indexes are built again; its key is used for all that is done.
    database_options database = {};
    progress_callback report = {};
};

struct repair_report {
    check_report before;
    check_report after;
    std::vector<std::string> actions;  ///< what was done, in order, a line each
};

/// Checks, mends as the table above says, opens the database for writing, builds missing indexes, closes it, checks
/// again. What is still wrong is in `after`. Not for the store of a replica whose peers have what is lost here.
/// Durability: each action is complete on disk before the next begins; after a crash, repair again.
/// Errors: those of `check` and `database::open`.
[[nodiscard]] result<repair_report> repair(const std::string& directory, const repair_options& options = {},
                                           const database_environment& environment = {});

}  // namespace vecstore
