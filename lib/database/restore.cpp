// Going back in time: restoring a backup, and opening one as it was at an lsn.
#include "backup_directory.hpp"
#include "database_state.hpp"

#include <algorithm>

namespace vecstore {
namespace detail {
namespace {

using storage::join_path;

/// Records on their way into another log, in whole batches.
class log_copy {
public:
    explicit log_copy(wal::writer& to) : to_(to) {}

    result<void> add(const wal::record& record) {
        if (!drafts_.empty() && record.term != term_) VECSTORE_CHECK(flush());
        term_ = record.term;
        drafts_.push_back({record.type, record.flags, {}});
        payloads_.emplace_back(record.payload.begin(), record.payload.end());
        bytes_ += record.payload.size();
        const bool whole = !record.batch_continues();
        return whole && bytes_ >= flush_bytes ? flush() : result<void>{};
    }
    result<void> flush() {
        if (drafts_.empty()) return {};
        for (std::size_t i = 0; i < drafts_.size(); ++i) drafts_[i].payload = payloads_[i];
        to_.set_term(term_);
        VECSTORE_CHECK(to_.append(drafts_));
        drafts_.clear();
        payloads_.clear();
        bytes_ = 0;
        return {};
    }

private:
    static constexpr std::size_t flush_bytes = 1u << 20;
    wal::writer& to_;
    std::vector<wal::draft> drafts_;
    std::vector<byte_vector> payloads_;
    std::size_t bytes_ = 0;
    std::uint64_t term_ = 0;
};

/// True for the files that a restored database makes anew.
bool made_anew(const std::string& path) { return path == "control" || path.starts_with("wal/"); }

/// Makes the database at `path`; gives where it is in the log.
result<log_position> fill_restored(storage::file_system& files, const restore_point& from, const std::string& path,
                                   std::uint64_t lsn) {
    VECSTORE_CHECK(files.remove_all(path));
    for (const auto* name : {"wal", "state", "parts"}) VECSTORE_CHECK(files.create_directories(join_path(path, name)));
    for (const auto& wanted : from.manifest.files) {
        if (made_anew(wanted.path)) continue;
        const auto source = join_path(from.snapshot, wanted.path);
        const auto to = join_path(path, wanted.path);
        if (!files.exists(source)) return corruption("a file of the snapshot is missing", source, 0);
        VECSTORE_CHECK(files.create_directories(storage::parent_directory(to)));
        VECSTORE_TRY(const auto copied, copy_file(files, source, files, to));
        VECSTORE_CHECK(check_file(wanted, copied, source));
    }
    VECSTORE_TRY(const auto source_control, storage::control_file::open(files, from.snapshot, true));
    auto control = source_control.state();
    control.database_uuid = make_uuid();
    VECSTORE_TRY(auto log, begin_log(files, path, control.database_uuid, from.position()));
    auto reached = from.position();
    if (!from.archive.empty()) {
        log_copy copy(log);
        VECSTORE_TRY(reached, read_archive(files, from.archive, from.position(), lsn,
                                           [&](const wal::record& record) { return copy.add(record); }));
        VECSTORE_CHECK(copy.flush());
        VECSTORE_CHECK(log.sync());
    }
    control.promised_term = std::max(control.promised_term, reached.term);
    control.durable_lsn = reached.lsn;
    VECSTORE_CHECK(storage::control_file::create(files, path, control));
    VECSTORE_CHECK(sync_tree(files, path));
    return reached;
}

}  // namespace

result<wal::writer> begin_log(storage::file_system& files, const std::string& directory,
                              const std::array<std::byte, 16>& database_uuid, const log_position& position) {
    wal::writer_options options;
    options.database_uuid = options.node_uuid = database_uuid;
    options.term = position.term;
    wal::log_end end;
    end.last_lsn = position.lsn;
    end.term = position.term;
    end.chain = position.chain;
    VECSTORE_TRY(auto log, wal::writer::open(files, join_path(directory, "wal"), options, end));
    VECSTORE_CHECK(log.start_segment());
    return log;
}

result<void> database_state::replay_archive(const std::string& archive, const log_position& from, std::uint64_t lsn) {
    VECSTORE_TRY(const auto tables, tables_->read());
    VECSTORE_TRY(const auto reached,
                 read_archive(*files_, archive, from, lsn, [&](const wal::record& record) -> result<void> {
                     VECSTORE_CHECK(apply_stored(record, *tables));
                     lsn_.store(record.lsn, std::memory_order_relaxed);
                     return {};
                 }));
    for (const auto& [id, state] : by_id_) state->publish(reached.lsn);
    durable_lsn_ = reached.lsn;
    publish_catalog();
    publish_position();
    return {};
}

result<std::shared_ptr<database_state>> database_state::open_as_of(const std::string& directory, std::uint64_t lsn,
                                                                   const database_options& options,
                                                                   const database_environment& environment) {
    VECSTORE_TRY(const auto from, find_restore_point(*files_of(environment), directory, lsn));
    auto looking = options;
    looking.read_only = true;
    VECSTORE_TRY(auto state, open(from.snapshot, looking, environment));
    if (!from.archive.empty()) VECSTORE_CHECK(state->replay_archive(from.archive, from.position(), lsn));
    return state;
}

}  // namespace detail

result<snapshot_info> restore_backup(const std::string& directory, const std::string& target, std::uint64_t lsn,
                                     const database_environment& environment, const encryption_key& key) {
    using namespace detail;
    const auto files = files_of(environment);
    if (target.empty()) return invalid_argument("target is empty");
    if (files->exists(target)) return error{errc::already_exists, "there is something under this name", target, 0};
    VECSTORE_TRY(const auto from, find_restore_point(*files, directory, lsn));
    VECSTORE_CHECK(store_cipher::open(*files, from.snapshot, key));  // before anything is copied
    const auto temporary = target + ".tmp";
    const auto restore = [&]() -> result<snapshot_info> {
        VECSTORE_TRY(const auto reached, fill_restored(*files, from, temporary, lsn));
        // At the snapshot itself the hash is known; later ones follow from the log, whose records have checksums.
        const auto wanted = reached.lsn == from.manifest.lsn ? from.manifest.state_hash : std::nullopt;
        VECSTORE_TRY(const auto hash, check_points(temporary, environment, reached.lsn, wanted, key));
        VECSTORE_CHECK(files->remove_all(join_path(temporary, "state/lock.mdb")));  // of this process
        VECSTORE_CHECK(files->rename(temporary, target));
        if (auto named = files->sync_directory(storage::parent_directory(target)); !named) {
            (void)files->remove_all(target);  // it might be gone after a power cut
            return std::move(named).error();
        }
        return snapshot_info{target,
                             reached.lsn,
                             reached.term,
                             hash,
                             from.manifest.files.size(),
                             from.manifest.bytes(),
                             from.manifest.bytes()};
    };
    auto restored = restore();
    if (!restored) (void)files->remove_all(temporary);
    return restored;
}

}  // namespace vecstore
