#include "seed.hpp"

#include "backup_directory.hpp"
#include "database_state.hpp"
#include "snapshot_manifest.hpp"

#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/control_file.hpp>
#include <vecstore/wal/reader.hpp>

namespace vecstore::detail {
namespace {

using storage::join_path;

constexpr std::uint64_t ready_magic = 0x3130'4445'4553'5356;  // "VSSEED01"
constexpr std::size_t ready_bytes = 40;

byte_vector encode_ready(const log_position& at) {
    byte_writer out;
    out.put(ready_magic);
    out.put(at.lsn);
    out.put(at.term);
    out.put(at.chain);
    out.put(std::uint32_t{0});
    out.put(storage::checksum64(out.bytes()));
    return std::move(out).take();
}

result<log_position> read_ready(storage::file_system& files, const std::string& directory) {
    const auto path = join_path(directory, incoming_ready_name);
    VECSTORE_TRY(const auto bytes, storage::read_file(files, path));
    byte_reader in(bytes);
    const auto magic = in.get<std::uint64_t>();
    log_position at;
    at.lsn = in.get<std::uint64_t>();
    at.term = in.get<std::uint64_t>();
    at.chain = in.get<std::uint32_t>();
    (void)in.get<std::uint32_t>();
    const auto sum = in.get<std::uint64_t>();
    if (!in.finished() || magic != ready_magic ||
        sum != storage::checksum64(byte_span(bytes).first(ready_bytes - sizeof sum)))
        return corruption("the mark of a copy that is to be put in place is damaged", path, 0);
    return at;
}

/// True when the log in `directory` has the record `at`, or its checkpoint is behind it.
result<bool> has_caught_up(storage::file_system& files, const std::string& directory, const log_position& at) {
    const auto wal = join_path(directory, "wal");
    if (!files.exists(join_path(directory, "control")) || !files.exists(wal)) return false;
    VECSTORE_TRY(const auto control, storage::control_file::open(files, directory, true));
    if (control.state().checkpoint_lsn >= at.lsn) return true;
    wal::recover_options how;
    how.read_only = true;
    how.checkpoint_lsn = control.state().checkpoint_lsn;
    how.log_may_be_absent = true;
    bool found = false;
    VECSTORE_CHECK(wal::recover(files, wal, how, [&](const wal::record& record) -> result<void> {
        found = found || (record.lsn == at.lsn && record.chain == at.chain);
        return {};
    }));
    return found;
}

/// A directory gives up its name first: what is removed under it and what comes under the same names must not be mixed up after
/// a crash.
result<void> move_in(storage::file_system& files, const std::string& directory, const std::string& name) {
    const auto incoming = join_path(directory, incoming_name);
    const auto from = join_path(incoming, name);
    const auto to = join_path(directory, name);
    if (!files.exists(from)) return {};
    if (files.exists(to)) {
        const auto old = join_path(incoming, "old-" + name);
        VECSTORE_CHECK(files.remove_all(old));
        VECSTORE_CHECK(files.rename(to, old));
    }
    return files.rename(from, to);
}

}  // namespace

result<log_position> prepare_seed(const std::shared_ptr<storage::file_system>& files, const std::string& directory) {
    const auto incoming = join_path(directory, incoming_name);
    VECSTORE_CHECK(verify_snapshot(incoming, {files, nullptr}));
    VECSTORE_TRY(const auto manifest, read_manifest(*files, incoming));
    const log_position at{manifest.lsn, manifest.term, manifest.chain};
    VECSTORE_TRY(const auto given, storage::control_file::open(*files, incoming, true));
    auto control = given.state();
    control.database_uuid = make_uuid();
    control.durable_lsn = at.lsn;
    VECSTORE_CHECK(files->remove_all(join_path(incoming, "wal")));
    VECSTORE_CHECK(files->create_directories(join_path(incoming, "wal")));
    VECSTORE_CHECK(begin_log(*files, incoming, control.database_uuid, at));
    VECSTORE_CHECK(files->remove(join_path(incoming, "control")));
    VECSTORE_CHECK(storage::control_file::create(*files, incoming, control));
    VECSTORE_CHECK(files->remove_all(join_path(incoming, "state/lock.mdb")));  // of this process
    VECSTORE_CHECK(files->remove(join_path(incoming, snapshot_manifest_name)));
    VECSTORE_CHECK(sync_tree(*files, incoming));
    VECSTORE_CHECK(files->sync_directory(directory));
    VECSTORE_CHECK(storage::write_file(*files, join_path(directory, incoming_ready_name), encode_ready(at)));
    return at;
}

bool seed_is_ready(storage::file_system& files, const std::string& directory) {
    return files.exists(join_path(directory, incoming_ready_name));
}

result<void> install_seed(storage::file_system& files, const std::string& directory) {
    if (!seed_is_ready(files, directory)) return {};
    const auto incoming = join_path(directory, incoming_name);
    VECSTORE_TRY(const auto at, read_ready(files, directory));
    // Once the first thing has been moved there is no way back.
    const bool begun = !files.exists(join_path(incoming, "state"));
    if (!begun) {
        VECSTORE_TRY(const bool caught_up, has_caught_up(files, directory, at));
        if (caught_up) {
            VECSTORE_CHECK(files.remove(join_path(directory, incoming_ready_name)));
            VECSTORE_CHECK(files.sync_directory(incoming));
            return files.remove_all(incoming);
        }
    }
    for (const auto* name : {"state", "parts"}) VECSTORE_CHECK(move_in(files, directory, name));
    const auto log = join_path(directory, "wal");
    const auto diverged = join_path(directory, "diverged");
    const auto kept = join_path(diverged, "log-before-" + std::to_string(at.lsn));
    if (files.exists(join_path(incoming, "wal")) && files.exists(log) && !files.exists(kept)) {
        VECSTORE_CHECK(files.create_directories(diverged));
        VECSTORE_CHECK(files.rename(log, kept));
        VECSTORE_CHECK(files.sync_directory(diverged));
    }
    VECSTORE_CHECK(move_in(files, directory, "wal"));
    const auto control = join_path(incoming, "control");
    if (files.exists(control)) VECSTORE_CHECK(files.rename(control, join_path(directory, "control")));
    VECSTORE_CHECK(files.sync_directory(incoming));
    VECSTORE_CHECK(files.sync_directory(directory));
    VECSTORE_CHECK(files.remove(join_path(directory, incoming_ready_name)));
    VECSTORE_CHECK(files.sync_directory(incoming));
    VECSTORE_CHECK(files.remove_all(incoming));
    return files.sync_directory(directory);
}

}  // namespace vecstore::detail
