#include "checker.hpp"
#include "database_state.hpp"
#include "salvage.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <collection/point_value.hpp>
#include <collection/slots.hpp>
#include <collection/upkeep/checkpoint.hpp>
#include <collection/upkeep/salvage.hpp>

#include <algorithm>
#include <cstring>
#include <set>

namespace vecstore {
namespace detail {
namespace {

class repairer {
public:
    repairer(const std::string& directory, const repair_options& options, const database_environment& environment)
        : directory_(directory), options_(options), environment_(environment), files_(files_of(environment)) {}

    result<repair_report> run() {
        {
            VECSTORE_TRY(const auto lock, files_->lock(path("LOCK")));
            VECSTORE_TRY(report_.before, look());
            if (has(finding_kind::keys)) {
                report_.after = report_.before;
                return report_;
            }
            if (!has(finding_kind::version)) VECSTORE_CHECK(mend());
        }
        VECSTORE_CHECK(open_and_build());
        VECSTORE_TRY(report_.after, check(directory_, options_of_check(), environment_));
        return report_;
    }

private:
    [[nodiscard]] std::string path(std::string_view name) const { return storage::join_path(directory_, name); }
    [[nodiscard]] const check_report& found() const noexcept { return found_; }
    [[nodiscard]] bool has(finding_kind kind) const {
        return std::any_of(found_.findings.begin(), found_.findings.end(),
                           [&](const finding& f) { return f.kind == kind; });
    }
    void did(std::string line) { report_.actions.push_back(std::move(line)); }

    [[nodiscard]] check_options options_of_check() const {
        check_options options;
        options.report = options_.report;
        options.encryption = options_.database.encryption;
        return options;
    }
    result<check_report> look() {
        checker_ = std::make_unique<database_checker>(directory_, options_of_check(), environment_);
        VECSTORE_TRY(found_, checker_->run());
        return found_;
    }
    /// Looks again after each step that changes what the next one needs to know.
    result<void> mend() {
        if (has(finding_kind::sums)) {
            VECSTORE_CHECK(mend_sums());
            VECSTORE_CHECK(look());
        }
        const bool rewrite = has(finding_kind::id) || has(finding_kind::death);
        const bool lossy = has(finding_kind::tables) || has(finding_kind::point);
        if (checker_->pages() != nullptr && (options_.drop_damaged ? rewrite || lossy : rewrite && !lossy)) {
            VECSTORE_CHECK(rewrite_tables());
            VECSTORE_CHECK(look());
        }
        if (has(finding_kind::control)) {
            VECSTORE_CHECK(mend_control());
            VECSTORE_CHECK(look());
        }
        if (options_.drop_damaged && (has(finding_kind::part) || has(finding_kind::part_block)))
            VECSTORE_CHECK(drop_damaged_rows());
        if (options_.drop_damaged && has(finding_kind::log)) VECSTORE_CHECK(cut_log());
        for (const auto& f : found().findings)
            if ((f.kind == finding_kind::graph || f.kind == finding_kind::lists) && files_->exists(f.path)) {
                VECSTORE_CHECK(files_->remove(f.path));
                did("removed " + f.path + ", to be built again");
            }
        return {};
    }

    result<void> mend_sums() {
        auto& files = storage::posix_file_system();
        VECSTORE_TRY(const auto tables, files.open(path("state/data.mdb"), storage::open_mode::read));
        VECSTORE_TRY(const auto sums, storage::detail::sum_pages(*tables, checker_->pages()->usage(), nullptr));
        VECSTORE_CHECK(storage::write_file(files, path("state/sums"), storage::detail::encode_sums(sums)));
        did("summed the pages of the tables again");
        return {};
    }

    /// A path in `diverged` that nothing has.
    result<std::string> keep_as(const std::string& name) {
        const auto directory = path("diverged");
        VECSTORE_CHECK(files_->create_directories(directory));
        for (unsigned n = 0;; ++n) {
            auto kept = storage::join_path(directory, name + "-" + std::to_string(n) + ".bin");
            if (!files_->exists(kept)) return kept;
        }
    }
    result<void> move_away(const std::string& from, const std::string& name) {
        VECSTORE_TRY(const auto kept, keep_as(name));
        VECSTORE_CHECK(files_->rename(from, kept));
        VECSTORE_CHECK(files_->sync_directory(path("diverged")));
        VECSTORE_CHECK(files_->sync_directory(storage::parent_directory(from)));
        did("moved " + from + " to " + kept);
        return {};
    }

    /// Into a directory beside, whose files then take the place of the old ones. A crash in between leaves new tables
    /// under old sums, which the next repair sums again.
    result<void> rewrite_tables() {
        const auto fresh = path("state.tmp");
        VECSTORE_CHECK(files_->remove_all(fresh));
        const auto& cipher = checker_->cipher();
        salvaged_tables saved;
        bool fit = true;
        {
            VECSTORE_TRY(auto made, storage::open_lmdb(fresh, tables::names()));
            const auto into = cipher.tables(std::move(made));
            VECSTORE_TRY(auto from, storage::detail::lmdb_pages::open(storage::posix_file_system(), path("state")));
            cipher.read_values_of(from);
            auto copied = copy_readable_tables(from, *into, true);
            if (!copied) {
                if (copied.error().code != errc::corruption) return std::move(copied).error();
                did("the tables were not written anew: " + copied.error().what());
                fit = false;
            }
            if (copied) saved = *copied;
        }
        if (!fit) return files_->remove_all(fresh);
        VECSTORE_CHECK(keep_unlisted_parts());
        VECSTORE_TRY(const auto kept, keep_as("data.mdb"));
        VECSTORE_CHECK(files_->link(path("state/data.mdb"), kept));
        VECSTORE_CHECK(files_->sync_directory(path("diverged")));
        for (const auto* name : {"data.mdb", "sums"})
            VECSTORE_CHECK(files_->rename(storage::join_path(fresh, name), storage::join_path(path("state"), name)));
        VECSTORE_CHECK(files_->sync_directory(path("state")));
        VECSTORE_CHECK(files_->remove_all(fresh));
        did("wrote the tables anew: " + std::to_string(saved.entries) + " entries, " +
            std::to_string(saved.ids_mended) + " ids mended, " + std::to_string(saved.ids_without_point) +
            " ids without a point left out; the old ones are " + kept);
        return {};
    }
    /// Parts that the readable part of the manifest does not name would be removed by the next opening.
    result<void> keep_unlisted_parts() {
        if (!has(finding_kind::tables) || !files_->exists(path("parts"))) return {};
        std::set<std::string> listed;
        for (const auto& [id, collection] : checker_->collections()->collections())
            for (const auto& each : collection->parts)
                listed.insert(part_path(part_directory(directory_, id, each.slot), each.descriptor.number));
        VECSTORE_TRY(const auto collections, files_->list(path("parts")));
        for (const auto& collection : collections) {
            const auto in_collection = storage::join_path(path("parts"), collection);
            VECSTORE_TRY(const auto slots, files_->list(in_collection));
            for (const auto& slot : slots) {
                const auto in_slot = storage::join_path(in_collection, slot);
                VECSTORE_TRY(const auto names, files_->list(in_slot));
                for (const auto& name : names)
                    if (const auto at = storage::join_path(in_slot, name);
                        name.ends_with(".part") && !listed.contains(at))
                        if (auto moved = move_away(at, "part-" + collection + "-" + slot + "-" + name); !moved)
                            return moved;
            }
        }
        return {};
    }

    /// All that it says stands in the tables and in the log; but for a term that was promised and never used.
    result<void> mend_control() {
        const auto& log = checker_->log();
        const auto applied = checker_->collections()->applied();
        storage::control_state state;
        state.format_version =
            checker_->cipher().encrypts() ? checker_->cipher().format_version() : checker_->collections()->format();
        state.checkpoint_lsn = state.durable_lsn = applied.lsn;
        state.checkpoint_term = applied.term;
        state.promised_term = std::max<std::uint64_t>({1, applied.term, log.end.term});
        if (log.end.has_segment) {
            state.database_uuid = log.end.segment.database_uuid;
        } else {
            did("the control file was not made anew: no log says whose database this is");
            return {};
        }
        if (log.end.last_lsn == applied.lsn) state.checkpoint_chain = log.end.chain;
        if (files_->exists(path("control"))) VECSTORE_CHECK(move_away(path("control"), "control"));
        VECSTORE_CHECK(storage::control_file::create(*files_, directory_, state));
        did("made the control file anew, from tables and log");
        return {};
    }

    result<void> drop_damaged_rows() {
        auto stored = environment_.tables;
        if (!stored) {
            VECSTORE_TRY(stored, storage::open_lmdb(path("state"), tables::names()));
        }
        const auto tables = checker_->cipher().tables(std::move(stored));
        std::set<std::string> damaged;
        for (const auto& f : found().findings)
            if (f.kind == finding_kind::part || f.kind == finding_kind::part_block) damaged.insert(f.path);
        for (const auto& [id, collection] : checker_->collections()->collections()) {
            std::uint64_t next = 1;
            for (const auto& each : collection->parts) next = std::max(next, each.descriptor.number + 1);
            for (const auto& each : collection->parts) {
                const auto directory = part_directory(directory_, id, each.slot);
                if (!damaged.contains(part_path(directory, each.descriptor.number))) continue;
                VECSTORE_CHECK(replace_part(*tables, id, each, slot_options(collection->options, each.slot), next++));
            }
        }
        return {};
    }
    result<void> replace_part(storage::table_store& tables, collection_id id,
                              const checked_collection::listed_part& listed, const vector_options& options,
                              std::uint64_t number) {
        const auto directory = part_directory(directory_, id, listed.slot);
        const auto old_path = part_path(directory, listed.descriptor.number);
        const auto files = checker_->cipher().files(files_);
        VECSTORE_TRY(const auto saved,
                     salvage_part(*files, directory, listed.descriptor, options, {*files, directory, number}));
        {
            const auto slot = static_cast<std::uint16_t>(listed.slot);
            VECSTORE_TRY(const auto writer, tables.write());
            VECSTORE_CHECK(writer->erase(tables::parts, tables::part_key(id, slot, listed.descriptor.number)));
            if (saved.rest != nullptr) VECSTORE_CHECK(write_manifest(*writer, id, listed.slot, {}, {saved.rest}));
            VECSTORE_CHECK(forget_hashes(*writer, tables, id, saved.lost));
            VECSTORE_CHECK(writer->commit());
        }
        did("gave up " + std::to_string(saved.lost_rows) + " of " + std::to_string(listed.descriptor.rows) +
            " vectors of " + old_path);
        if (!files_->exists(old_path)) return {};
        return move_away(old_path, "part-" + std::to_string(id) + "-" + std::to_string(listed.slot) + "-" +
                                       std::to_string(listed.descriptor.number) + ".part");
    }

    /// Points that have lost vectors keep no hash of them, and the collection none of its points: both are computed anew.
    static result<void> forget_hashes(storage::table_writer& writer, storage::table_store& store, collection_id id,
                                      const std::vector<ordinal_range>& lost) {
        VECSTORE_TRY(const auto reader, store.read());
        VECSTORE_TRY(const auto points, reader->cursor(tables::points));
        byte_writer value;
        for (const auto& range : lost) {
            const auto last = tables::number_key(id, range.last);
            VECSTORE_CHECK(points->seek(tables::number_key(id, range.first)));
            while (points->valid() && std::memcmp(points->key().data(), last.data(), last.size()) <= 0) {
                auto point = parse_point_value(points->value());
                if (point && point->vectors) {
                    point->vectors.reset();
                    encode_point_value(value, *point);
                    VECSTORE_CHECK(writer.put(tables::points, points->key(), value.bytes()));
                }
                VECSTORE_CHECK(points->next());
            }
        }
        const auto key = tables::collection_key(id);
        VECSTORE_TRY(const auto stored, reader->get(tables::catalog, key));
        if (!stored) return {};
        VECSTORE_TRY(auto entry, payload::decode(*stored));
        (void)entry.erase("state_hash");
        VECSTORE_TRY(const auto encoded, payload::encode(entry));
        return writer.put(tables::catalog, key, encoded);
    }

    /// The log ends where it can be read; what is behind is kept.
    result<void> cut_log() {
        VECSTORE_TRY(const auto segments, wal::list_segments(*files_, path("wal")));
        const auto& end = checker_->log().end;
        const auto checkpoint = checker_->collections()->applied();
        const bool some_left = end.has_segment && checker_->log().end.offset >= wal::segment_header_bytes &&
                               end.last_lsn >= checkpoint.lsn && end.segment.first_lsn <= end.last_lsn + 1;
        for (const auto& segment : segments) {
            if (some_left && segment.first_lsn <= end.segment.first_lsn) continue;
            VECSTORE_CHECK(move_away(storage::join_path(path("wal"), wal::to_string(segment)),
                                     "log-" + std::to_string(segment.first_lsn)));
        }
        return some_left ? cut_segment(end) : begin_log(checkpoint);
    }
    result<void> cut_segment(const wal::log_end& end) {
        const auto at = storage::join_path(
            path("wal"), wal::to_string(wal::segment_name{end.segment.first_term, end.segment.first_lsn}));
        VECSTORE_TRY(const auto segment, files_->open(at, storage::open_mode::read_write));
        VECSTORE_TRY(const auto bytes, segment->size());
        if (bytes > end.offset) {
            byte_vector rest(static_cast<std::size_t>(bytes - end.offset));
            VECSTORE_TRY(const auto count, segment->read_at(end.offset, rest));
            rest.resize(count);
            VECSTORE_TRY(const auto kept, keep_as("log-" + std::to_string(end.last_lsn + 1)));
            VECSTORE_CHECK(storage::write_file(*files_, kept, rest));
            VECSTORE_CHECK(segment->truncate(end.offset));
            VECSTORE_CHECK(segment->sync());
            did("cut the log behind lsn " + std::to_string(end.last_lsn) + "; the rest is " + kept);
        }
        return {};
    }
    /// Nothing of the log is of use: an empty one, behind the checkpoint.
    result<void> begin_log(const tables::applied_position& checkpoint) {
        VECSTORE_CHECK(files_->create_directories(path("wal")));
        const auto control = checker_->control().value_or(storage::control_state{});
        wal::segment_header header;
        header.database_uuid = header.node_uuid = control.database_uuid;
        header.segment_number = 1;
        header.first_lsn = checkpoint.lsn + 1;
        header.first_term = std::max<std::uint64_t>(1, checkpoint.term);
        header.salt = mix64(header.first_lsn ^ load_le<std::uint64_t>(control.database_uuid.data()));
        if (control.checkpoint_lsn == checkpoint.lsn) header.prev_chain = control.checkpoint_chain;
        const wal::segment_name name{header.first_term, header.first_lsn};
        VECSTORE_CHECK(storage::write_file(*files_, storage::join_path(path("wal"), wal::to_string(name)),
                                           wal::encode_segment_header(header)));
        did("began an empty log behind lsn " + std::to_string(checkpoint.lsn));
        return {};
    }

    /// What opening mends by itself, and the indexes.
    result<void> open_and_build() {
        auto options = options_.database;
        options.create = options.read_only = options.salvage = false;
        options.verify = verification::on_open;
        options.background_threads = 0;
        auto opened = database_state::open(directory_, options, environment_);
        if (!opened) {
            if (opened.error().code != errc::corruption && opened.error().code != errc::unsupported)
                return std::move(opened).error();
            did("it does not open: " + opened.error().what());
            return {};
        }
        VECSTORE_CHECK((*opened)->build_indexes(options_.report));
        return (*opened)->close();
    }

    const std::string& directory_;
    const repair_options& options_;
    const database_environment& environment_;
    std::shared_ptr<storage::file_system> files_;
    std::unique_ptr<database_checker> checker_;
    check_report found_;
    repair_report report_;
};

}  // namespace
}  // namespace detail

result<repair_report> repair(const std::string& directory, const repair_options& options,
                             const database_environment& environment) {
    const auto files = detail::files_of(environment);
    if (!files->exists(storage::join_path(directory, "wal")) && !files->exists(storage::join_path(directory, "state")))
        return error{errc::not_found, "no database here", directory, 0};
    if (options.drop_damaged && files->exists(storage::join_path(directory, "replica")))
        return error{
            errc::unsupported,
            "a member of a cluster: what is dropped here may have been acknowledged by its word. A new directory comes "
            "back as another node and gets a copy",
            directory, 0};
    return detail::repairer(directory, options, environment).run();
}

}  // namespace vecstore
