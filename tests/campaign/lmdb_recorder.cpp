#include "campaign/lmdb_recorder.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <utility>

namespace vecstore::test {
namespace {

struct recorder {
    std::string directory = {};
    std::vector<recorded_call> calls = {};
};
recorder* active = nullptr;  ///< plain: set while one thread runs

/// The path below the directory recorded, or nothing.
std::string relative(const std::string& path) {
    if (active == nullptr || !path.starts_with(active->directory + "/")) return {};
    return path.substr(active->directory.size() + 1);
}

std::string path_of(int descriptor) {
    if (active == nullptr) return {};
    std::array<char, PATH_MAX> target;
    const auto link = "/proc/self/fd/" + std::to_string(descriptor);
    const auto bytes = ::readlink(link.c_str(), target.data(), target.size());
    if (bytes <= 0) return {};
    const std::string full(target.data(), static_cast<std::size_t>(bytes));
    return full == active->directory ? std::string(".") : relative(full);
}

void record_write(int descriptor, const void* bytes, std::size_t count, std::int64_t offset) {
    auto path = path_of(descriptor);
    if (path.empty() || path == "lock.mdb") return;
    const auto* first = static_cast<const std::byte*>(bytes);
    const bool synced = (::fcntl(descriptor, F_GETFL) & O_DSYNC) != 0;
    active->calls.push_back({recorded_call::kind::write,
                             std::move(path),
                             {},
                             static_cast<std::uint64_t>(offset),
                             byte_vector(first, first + count),
                             synced});
}

void record_sync(int descriptor) {
    const auto path = path_of(descriptor);
    if (path.empty() || path == "lock.mdb") return;
    const auto what = path == "." ? recorded_call::kind::sync_directory : recorded_call::kind::sync;
    active->calls.push_back({what, path});
}

void record_truncate(std::string path, std::int64_t bytes) {
    if (path.empty() || path == "lock.mdb") return;
    active->calls.push_back({recorded_call::kind::truncate, std::move(path), {}, static_cast<std::uint64_t>(bytes)});
}

void record_remove(const char* path) {
    if (auto below = relative(path); !below.empty())
        active->calls.push_back({recorded_call::kind::remove, std::move(below)});
}

/// The function that we stand in front of.
template <class Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

void start_recording(const std::string& directory) { active = new recorder{directory}; }

std::vector<recorded_call> stop_recording() {
    auto calls = std::move(active->calls);
    delete std::exchange(active, nullptr);
    return calls;
}

std::size_t recorded_calls() { return active->calls.size(); }

}  // namespace vecstore::test

// What the libraries call in place of the C library's.
extern "C" {

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
    static const auto real = vecstore::test::next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
    const auto done = real(descriptor, bytes, count, offset);
    if (done > 0) vecstore::test::record_write(descriptor, bytes, static_cast<std::size_t>(done), offset);
    return done;
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
    return pwrite(descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
    static const auto real = vecstore::test::next<ssize_t (*)(int, const void*, size_t)>("write");
    const auto done = real(descriptor, bytes, count);
    if (done > 0 && vecstore::test::active != nullptr)
        vecstore::test::record_write(descriptor, bytes, static_cast<std::size_t>(done),
                                     ::lseek(descriptor, 0, SEEK_CUR) - done);
    return done;
}

ssize_t writev(int descriptor, const struct iovec* pieces, int count) {
    static const auto real = vecstore::test::next<ssize_t (*)(int, const struct iovec*, int)>("writev");
    const auto done = real(descriptor, pieces, count);
    if (done <= 0 || vecstore::test::active == nullptr) return done;
    auto at = ::lseek(descriptor, 0, SEEK_CUR) - done;
    auto left = static_cast<std::size_t>(done);
    for (int i = 0; i < count && left > 0; ++i) {
        const auto bytes = std::min(left, pieces[i].iov_len);
        vecstore::test::record_write(descriptor, pieces[i].iov_base, bytes, at);
        at += static_cast<off_t>(bytes);
        left -= bytes;
    }
    return done;
}

int fdatasync(int descriptor) {
    static const auto real = vecstore::test::next<int (*)(int)>("fdatasync");
    const auto done = real(descriptor);
    if (done == 0) vecstore::test::record_sync(descriptor);
    return done;
}

int fsync(int descriptor) {
    static const auto real = vecstore::test::next<int (*)(int)>("fsync");
    const auto done = real(descriptor);
    if (done == 0) vecstore::test::record_sync(descriptor);
    return done;
}

int ftruncate(int descriptor, off_t bytes) noexcept {
    static const auto real = vecstore::test::next<int (*)(int, off_t)>("ftruncate");
    const auto done = real(descriptor, bytes);
    if (done == 0) vecstore::test::record_truncate(vecstore::test::path_of(descriptor), bytes);
    return done;
}

int truncate(const char* path, off_t bytes) noexcept {
    static const auto real = vecstore::test::next<int (*)(const char*, off_t)>("truncate");
    const auto done = real(path, bytes);
    if (done == 0) vecstore::test::record_truncate(vecstore::test::relative(path), bytes);
    return done;
}

int rename(const char* from, const char* to) noexcept {
    static const auto real = vecstore::test::next<int (*)(const char*, const char*)>("rename");
    const auto done = real(from, to);
    if (const auto path = vecstore::test::relative(from); done == 0 && !path.empty())
        vecstore::test::active->calls.push_back(
            {vecstore::test::recorded_call::kind::rename, path, vecstore::test::relative(to)});
    return done;
}

int unlink(const char* path) noexcept {
    static const auto real = vecstore::test::next<int (*)(const char*)>("unlink");
    const auto done = real(path);
    if (done == 0) vecstore::test::record_remove(path);
    return done;
}

int remove(const char* path) noexcept {
    static const auto real = vecstore::test::next<int (*)(const char*)>("remove");
    const auto done = real(path);
    if (done == 0) vecstore::test::record_remove(path);
    return done;
}

}  // extern "C"
