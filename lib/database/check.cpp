#include "checker.hpp"

#include <collection/decode.hpp>
#include <collection/fields/run_files.hpp>
#include <collection/upkeep/checkpoint.hpp>
#include <collection/write/operation.hpp>

#include <algorithm>
#include <array>
#include <tuple>

namespace vecstore {
namespace {

constexpr std::array<std::string_view, 20> kind_names = {
    "",       "control", "control_slot", "log",     "log_header", "log_torn",     "sums",
    "tables", "catalog", "id",           "point",   "death",      "part",         "part_block",
    "graph",  "lists",   "left_over",    "version", "keys",       "payload_index"};

/// Level, and whether it is made from something else.
struct weight {
    severity level;
    bool derived;
};

weight weight_of(finding_kind kind) noexcept {
    switch (kind) {
        case finding_kind::control_slot:
        case finding_kind::log_header: return {severity::warning, true};
        case finding_kind::graph:
        case finding_kind::lists:
        case finding_kind::payload_index: return {severity::warning, true};
        case finding_kind::log_torn:
        case finding_kind::left_over: return {severity::note, false};
        case finding_kind::control:
        case finding_kind::sums:
        case finding_kind::id:
        case finding_kind::death: return {severity::error, true};
        case finding_kind::log:
        case finding_kind::tables:
        case finding_kind::catalog:
        case finding_kind::point:
        case finding_kind::part:
        case finding_kind::part_block:
        case finding_kind::version:
        case finding_kind::keys: break;
    }
    return {severity::error, false};
}

}  // namespace

std::string_view to_string(severity level) noexcept {
    constexpr std::string_view names[] = {"", "note", "warning", "error"};
    return names[static_cast<std::size_t>(level) % std::size(names)];
}

std::string_view to_string(finding_kind kind) noexcept {
    return kind_names[static_cast<std::size_t>(kind) % kind_names.size()];
}

std::string finding::text() const {
    std::string line(to_string(level));
    line += ": ";
    line += to_string(kind);
    line += ": " + what + " [" + path + ", offset " + std::to_string(offset) + "]";
    return line;
}

bool check_report::has(severity at_least) const noexcept {
    return std::any_of(findings.begin(), findings.end(), [&](const finding& f) { return f.level >= at_least; });
}

result<check_report> check(const std::string& directory, const check_options& options,
                           const database_environment& environment) {
    const auto files = detail::files_of(environment);
    const auto lock_path = storage::join_path(directory, "LOCK");
    std::unique_ptr<storage::file_lock> lock;
    if (files->exists(lock_path)) {
        auto taken = files->lock(lock_path);
        if (!taken && taken.error().code == errc::unavailable) return std::move(taken).error();
        if (taken) lock = *std::move(taken);  // else the medium is read-only: nobody writes there
    }
    return detail::database_checker(directory, options, environment).run();
}

namespace detail {

table_walk walk_store(storage::table_store& store, std::function<void(const error&)> damaged) {
    return [&store, damaged = std::move(damaged)](
               std::string_view table, const std::function<result<void>(byte_span, byte_span)>& visit) -> result<void> {
        const auto names = tables::names();
        const auto at = std::find(names.begin(), names.end(), table);
        if (at == names.end()) return {};
        VECSTORE_TRY(const auto reader, store.read());
        VECSTORE_TRY(const auto cursor, reader->cursor(static_cast<storage::table_id>(at - names.begin())));
        auto moved = cursor->seek({});
        while (moved && cursor->valid()) {
            VECSTORE_CHECK(visit(cursor->key(), cursor->value()));
            moved = cursor->next();
        }
        if (!moved) {
            if (moved.error().code != errc::corruption) return moved;
            damaged(moved.error());
        }
        return {};
    };
}

database_checker::database_checker(std::string directory, const check_options& options,
                                   const database_environment& environment)
    : directory_(std::move(directory)), options_(options), environment_(environment), files_(files_of(environment)) {}

void database_checker::add(finding_kind kind, const error& e) {
    if (e.code == errc::unsupported) kind = finding_kind::version;
    if (counts_[{kind, e.path}]++ >= options_.findings_max) return;
    const auto [level, derived] = weight_of(kind);
    report_.findings.push_back({level, kind, e.path, e.offset, e.message, derived});
}

bool database_checker::keep_going(std::string_view task, std::uint64_t done, std::uint64_t total) const {
    return !options_.report || options_.report({task, static_cast<std::size_t>(done), static_cast<std::size_t>(total)});
}

result<check_report> database_checker::run() {
    if (!files_->exists(path("control")) && !files_->exists(path("wal")) && !files_->exists(path("state")))
        return error{errc::not_found, "no database here", directory_, 0};
    VECSTORE_TRY(const bool readable, open_cipher());
    VECSTORE_CHECK(check_control());
    if (!readable) {
        finish();
        return report_;
    }
    VECSTORE_CHECK(open_tables());
    VECSTORE_CHECK(check_tables());
    VECSTORE_CHECK(check_sums());
    VECSTORE_CHECK(check_log());
    VECSTORE_CHECK(check_left_overs());
    finish();
    return report_;
}

/// False when the keys are damaged or missing: the rest is then noise.
result<bool> database_checker::open_cipher() {
    auto opened = store_cipher::open(*files_, directory_, options_.encryption);
    if (!opened) {
        if (opened.error().code != errc::corruption) return std::move(opened).error();
        add(finding_kind::keys, opened.error());
        return false;
    }
    cipher_ = *std::move(opened);
    part_files_ = cipher_.files(files_);
    return true;
}

result<void> database_checker::check_control() {
    auto opened = storage::control_file::open(*files_, directory_, true);
    if (!opened) {
        auto e = std::move(opened).error();
        if (e.code != errc::corruption && e.code != errc::not_found) return e;
        if (e.code == errc::not_found) e = corruption("the control file is missing", path("control"), 0);
        add(finding_kind::control, e);
        return {};
    }
    control_ = opened->state();
    if (opened->was_damaged())
        add(finding_kind::control_slot, corruption("a slot of the control file is damaged", path("control"), 0));
    if (control_->format_version > tables::encrypted_format_version)
        add(finding_kind::version,
            error{errc::unsupported,
                  "format version " + std::to_string(control_->format_version) + " is newer than this library's " +
                      std::to_string(tables::encrypted_format_version),
                  path("control"), 32});
    return {};
}

/// What walks the tables: LMDB's pages, or a store that the environment brought. Without either, there is nothing.
result<void> database_checker::open_tables() {
    walk_ = [](std::string_view, const auto&) { return result<void>{}; };
    if (environment_.tables) {
        given_tables_ = cipher_.tables(environment_.tables);
        walk_ = walk_store(*given_tables_, [this](const error& e) { add(finding_kind::tables, e); });
        return {};
    }
    auto opened = storage::detail::lmdb_pages::open(storage::posix_file_system(), path("state"));
    if (opened) {
        pages_.emplace(*std::move(opened));
        cipher_.read_values_of(*pages_);
        walk_ = [this](std::string_view table, const auto& visit) { return pages_->walk(table, visit); };
        return {};
    }
    auto e = std::move(opened).error();
    if (e.code != errc::corruption && e.code != errc::not_found) return e;
    const auto bytes = files_->file_size(path("state/data.mdb"));
    const bool empty = e.code == errc::not_found || (bytes && *bytes == 0);
    if (empty) {  // right, when nothing was ever committed
        if (control_ && control_->checkpoint_lsn == 0 && !files_->exists(path("state/sums"))) return {};
        e = corruption("the tables are missing", path("state/data.mdb"), 0);
    }
    add(finding_kind::tables, e);
    return {};
}

result<void> database_checker::check_tables() {
    std::map<std::string, bool, std::less<>> walked;
    check_port port{*part_files_,
                    directory_,
                    [&](std::string_view table, const auto& visit) {
                        walked[std::string(table)] = true;
                        return walk_(table, visit);
                    },
                    [this](collection_fault fault, const error& e) {
                        constexpr finding_kind kinds[] = {finding_kind::tables,     finding_kind::catalog,
                                                          finding_kind::id,         finding_kind::point,
                                                          finding_kind::death,      finding_kind::part,
                                                          finding_kind::part_block, finding_kind::graph,
                                                          finding_kind::lists,      finding_kind::payload_index};
                        add(kinds[static_cast<std::size_t>(fault)], e);
                    },
                    [this](std::string_view task, std::uint64_t done, std::uint64_t total) {
                        return keep_going(task, done, total);
                    },
                    options_.search_indexes};
    collections_ = std::make_unique<collection_checker>(std::move(port));
    VECSTORE_CHECK(collections_->run());
    const auto& counts = collections_->counts();
    report_.table_entries = counts.entries;
    report_.collections = collections_->collections().size();
    report_.points = counts.points;
    report_.parts = counts.parts;
    report_.rows = counts.rows;
    report_.blocks = counts.blocks;
    report_.indexes = counts.indexes;
    report_.bytes_read += counts.bytes;
    if (pages_) {
        for (const auto& name : pages_->table_names())
            if (!walked.contains(name))
                VECSTORE_CHECK(pages_->walk(name, [this](byte_span, byte_span) -> result<void> {
                    ++report_.table_entries;
                    return {};
                }));
        for (const auto& e : pages_->damages()) add(finding_kind::tables, e);
        report_.table_pages = pages_->pages_read();
        report_.bytes_read += pages_->pages_read() * pages_->usage().page_bytes;
    }
    if (const auto applied = collections_->applied().lsn; control_ && applied < control_->checkpoint_lsn)
        add(finding_kind::tables,
            corruption("the tables hold a checkpoint at lsn " + std::to_string(applied) +
                           ", the control file knows of " + std::to_string(control_->checkpoint_lsn),
                       path("state/data.mdb"), 0));
    return {};
}

result<void> database_checker::check_sums() {
    if (!pages_) return {};
    const auto verified = storage::detail::verify_pages(storage::posix_file_system(), path("state"), false);
    if (verified) return {};
    auto e = verified.error();
    if (e.code != errc::corruption && e.code != errc::unsupported) return e;
    // Each page has been looked at without them: if all were right, it is the sums that are not.
    if (pages_->damage_count() > 0)
        add(finding_kind::tables, e);
    else
        add(finding_kind::sums, e);
    return {};
}

result<void> database_checker::check_log() {
    if (!files_->exists(path("wal"))) {
        if (collections_->applied().lsn > 0 || (control_ && control_->durable_lsn > 0))
            add(finding_kind::log, corruption("the log is missing", path("wal"), 0));
        return {};
    }
    wal::recover_options options;
    options.checkpoint_lsn = collections_->applied().lsn;
    options.known_durable_lsn = std::max(options.checkpoint_lsn, control_ ? control_->durable_lsn : 0);
    if (control_) {
        options.checkpoint_term = control_->checkpoint_term;
        options.checkpoint_chain = control_->checkpoint_chain;
    }
    std::map<collection_id, bool> known;
    for (const auto& [id, collection] : collections_->collections()) known[id] = true;
    VECSTORE_TRY(log_, wal::check_log(
                           *files_, path("wal"), options,
                           [&](const wal::record& record) -> result<void> {
                               byte_vector payload;
                               auto plain = cipher_.open(record, payload);
                               if (plain) return check_log_record(*plain, known);
                               return corruption(plain.error().message, path("wal"), 0);
                           },
                           [this] { return keep_going("log", 0, 0); }));
    for (const auto& each : log_.damages) add(each.needed ? finding_kind::log : finding_kind::log_header, each.what);
    if (log_.torn_bytes > 0)
        add(finding_kind::log_torn,
            corruption(std::to_string(log_.torn_bytes) + " bytes of a write that did not finish", path("wal"), 0));
    if (log_.end.has_segment && control_ && log_.end.segment.database_uuid != control_->database_uuid)
        add(finding_kind::log, corruption("the log is that of another database", path("wal"), 0));
    report_.log_segments = log_.segments;
    report_.log_records = log_.records;
    report_.bytes_read += log_.bytes;
    return {};
}

/// That its payload is right says its checksum; here, that it means something.
result<void> database_checker::check_log_record(const wal::record& record, std::map<collection_id, bool>& known) const {
    switch (record.type) {
        case wal::record_type::ddl:
        case wal::record_type::upsert:
        case wal::record_type::upsert_expiring:
        case wal::record_type::erase:
        case wal::record_type::set_payload: break;
        default: return {};
    }
    byte_reader in(record.payload);
    const auto id = in.get<collection_id>();
    const auto what = "log record " + std::to_string(record.lsn);
    if (record.type == wal::record_type::ddl) {
        const auto kind = static_cast<ddl_kind>(in.get<std::uint8_t>());
        const bool right = !in.failed() && (kind == ddl_kind::create    ? (known[id] = true)
                                            : kind == ddl_kind::drop    ? known.erase(id) > 0
                                            : kind == ddl_kind::notes   ? known.contains(id)
                                            : kind == ddl_kind::aliases ? id == 0
                                            : kind == ddl_kind::create_field || kind == ddl_kind::drop_field
                                                ? known.contains(id) && decode_ddl(record.payload).has_value()
                                                : false);
        if (!right) return corruption(what + " of DDL does not parse, or names no collection", path("wal"), 0);
        return {};
    }
    if (in.failed() || !known.contains(id)) return corruption(what + " names no collection", path("wal"), 0);
    return {};
}

result<void> database_checker::check_left_overs() {
    for (const auto* folder : {"", "wal", "state"}) {
        const auto at = path(folder);
        if (!files_->exists(at)) continue;
        VECSTORE_TRY(const auto names, files_->list(at));
        for (const auto& name : names)
            if (name.ends_with(".tmp"))
                add(finding_kind::left_over, corruption("unfinished file", storage::join_path(at, name), 0));
    }
    // The directory itself stays, for the next time.
    const auto spare = storage::join_path(path("state.compact"), "data.mdb");
    if (files_->exists(spare)) add(finding_kind::left_over, corruption("tables that were replaced", spare, 0));
    // What the tables do not name is only known when they can be read.
    const bool readable = std::none_of(report_.findings.begin(), report_.findings.end(), [](const finding& f) {
        return f.kind == finding_kind::tables || f.kind == finding_kind::catalog || f.kind == finding_kind::version;
    });
    if (!readable || !files_->exists(path("parts"))) return {};
    std::map<std::string, bool> listed;
    for (const auto& [id, collection] : collections_->collections())
        for (const auto& each : collection->parts)
            for (const auto& file : part_files(part_directory(directory_, id, each.slot), each.descriptor.number))
                listed[file] = true;
    for (const auto& run : collections_->runs())
        listed[run_path(field_directory(directory_, run.collection), run.number)] = true;
    return check_part_files(path("parts"), listed);
}

result<void> database_checker::check_part_files(const std::string& directory,
                                                const std::map<std::string, bool>& listed) {
    VECSTORE_TRY(const auto names, files_->list(directory));
    for (const auto& name : names) {
        const auto at = storage::join_path(directory, name);
        const bool is_directory = name.find('.') == std::string::npos;
        if (is_directory)
            VECSTORE_CHECK(check_part_files(at, listed));
        else if (!listed.contains(at))
            add(finding_kind::left_over, corruption("a file that the manifest does not name", at, 0));
    }
    return {};
}

void database_checker::finish() {
    for (const auto& [which, count] : counts_) {
        if (count <= options_.findings_max) continue;
        const auto [level, derived] = weight_of(which.first);
        report_.findings.push_back({level, which.first, which.second, ~std::uint64_t{0},
                                    "and " + std::to_string(count - options_.findings_max) + " more of this kind",
                                    derived});
    }
    std::stable_sort(report_.findings.begin(), report_.findings.end(), [](const finding& a, const finding& b) {
        return std::tie(b.level, a.path, a.offset) < std::tie(a.level, b.path, b.offset);
    });
}

}  // namespace detail
}  // namespace vecstore
