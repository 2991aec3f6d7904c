// LMDB's file never shrinks. So what is in use is copied into a new directory, which then takes the old one's place.
// Steps: copy, sync it, open it and store its sums, sync its names (all in the spare directory); exchange the two names
// in one system call; sync the names above; remove what is now in the spare directory. A process killed between any
// two leaves a whole environment under the right name, and one to remove under the other. Nothing is committed to
// the copy before its name is durable.
// The lock file moves along with the file it is about: LMDB takes the number of the newest transaction from it.
#include "lmdb_environment.hpp"

#include <vecstore/storage/file_system.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace vecstore::storage::detail {
namespace {

/// Errors: unsupported (a file system that cannot), io.
result<void> exchange_names(const std::string& one, const std::string& other) {
    if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) return {};
    const bool cannot = errno == EINVAL || errno == ENOSYS || errno == ENOTSUP;
    return error{cannot ? errc::unsupported : errc::io, "two directories could not be exchanged", one, 0};
}

}  // namespace

void environment::set_directory(const std::string& directory) {
    path_ = join_path(directory, tables_file_name);
    sums_path_ = join_path(directory, sums_file_name);
}

bool environment::is_at(const std::string& directory) const noexcept {
    struct stat here {
    }, there{};
    return directory_handle_ >= 0 && ::fstat(directory_handle_, &here) == 0 && ::stat(directory.c_str(), &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

std::uint64_t environment::count_links() const noexcept {
    mdb_filehandle_t file{};
    mdb_env_get_fd(handle_, &file);
    struct stat status {};
    return ::fstat(file, &status) == 0 ? std::uint64_t{status.st_nlink} : links_.load(std::memory_order_relaxed);
}

bool environment::may_have_moved() const noexcept {
    if (replaced_.load(std::memory_order_acquire)) return true;
    // Whoever replaces the file removes its name.
    return read_only_ && count_links() != links_.load(std::memory_order_relaxed);
}

bool environment::stays_at(const std::string& directory) noexcept {
    const auto links = count_links();  // before looking, lest a move in between be missed
    if (!is_at(directory)) return false;
    links_.store(links, std::memory_order_relaxed);
    return true;
}

result<void> environment::copy_to(environment& copy, const std::string& spare) {
    if (replaced_ || misplaced_) return error{errc::unavailable, "the tables have moved", path_};
    VECSTORE_CHECK(store_sums());
    if (const int code = mdb_env_copy2(handle_, spare.c_str(), MDB_CP_COMPACT)) return translate(code, "copy", path_);
    {
        VECSTORE_TRY(const auto file,
                     posix_file_system().open(join_path(spare, tables_file_name), open_mode::read_write));
        VECSTORE_CHECK(file->sync());
    }
    MDB_envinfo info{};
    mdb_env_info(handle_, &info);
    lmdb_options options;
    options.map_bytes = info.me_mapsize;
    options.readers_max = info.me_maxreaders - 1;
    VECSTORE_CHECK(copy.open(spare, options));
    return posix_file_system().sync_directory(spare);
}

result<void> environment::move_to(environment& copy, const std::string& directory, const std::string& spare) {
    const lock_guard no_commits(writer_mutex_);
    VECSTORE_CHECK(copy_to(copy, spare));
    const lock_guard not_yet(copy.writer_mutex_);  // whoever finds the copy in its place waits until it is ready
    VECSTORE_CHECK(exchange_names(directory, spare));
    if (auto synced = posix_file_system().sync_directory(parent_directory(directory)); !synced) {
        misplaced_ = !exchange_names(directory, spare);
        return synced;
    }
    copy.set_directory(directory);
    copy.written_bytes_ += written_bytes_ + copy.bytes_in_use();
    replaced_.store(true, std::memory_order_release);
    return {};
}

}  // namespace vecstore::storage::detail
