// A database whose every read and write is interrupted, or cut short, again and again. The C library's calls are
// interposed: a definition in the program is found before the library's. LMDB itself takes a short write for a full disk,
// so of its calls only writes are interrupted.
#include <vecstore/database/database.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::atomic<unsigned> calls{0};
std::atomic<unsigned> interrupted{0}, shortened{0};

bool of_lmdb(int descriptor) {
    char link[64], path[4096];
    (void)std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const auto count = ::readlink(link, path, sizeof path);
    return count > 0 && std::string_view(path, static_cast<std::size_t>(count)).ends_with(".mdb");
}

/// What is left of a transfer, or nothing when it is interrupted.
std::size_t cut(std::size_t count) {
    const auto turn = calls.fetch_add(1);
    if (turn % 3 == 0) {
        ++interrupted;
        errno = EINTR;
        return 0;
    }
    if (turn % 3 == 1 && count > 1) {
        ++shortened;
        return 1 + turn * 7919 % (count - 1);
    }
    return count;
}

ssize_t write_some(int descriptor, const void* bytes, std::size_t count, off_t offset) {
    const auto left = count == 0 ? 0 : cut(count);
    if (left == 0 && count != 0) return -1;
    return ::syscall(SYS_pwrite64, descriptor, bytes, of_lmdb(descriptor) ? count : left, offset);
}

ssize_t read_some(int descriptor, void* bytes, std::size_t count, off_t offset) {
    if (count != 0 && !of_lmdb(descriptor)) {
        count = cut(count);
        if (count == 0) return -1;
    }
    return ::syscall(SYS_pread64, descriptor, bytes, count, offset);
}

}  // namespace

extern "C" {
ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
    return write_some(descriptor, bytes, count, offset);
}
ssize_t pwrite64(int descriptor, const void* bytes, std::size_t count, off_t offset) {
    return write_some(descriptor, bytes, count, offset);
}
ssize_t pread(int descriptor, void* bytes, std::size_t count, off_t offset) {
    return read_some(descriptor, bytes, count, offset);
}
ssize_t pread64(int descriptor, void* bytes, std::size_t count, off_t offset) {
    return read_some(descriptor, bytes, count, offset);
}
}

namespace vs = vecstore;

namespace {

vs::result<void> run(const std::string& directory) {
    constexpr std::uint64_t batches = 20, batch = 150;
    vs::database_options options;
    options.background_threads = 0;
    for (std::uint64_t i = 0; i < batches; ++i) {
        VECSTORE_TRY(auto db, vs::database::open(directory, options));
        if (i == 0) VECSTORE_CHECK(db.create_collection("c", {{{.dim = 4, .metric = vs::metric::euclid}}}));
        VECSTORE_TRY(auto c, db.open_collection("c"));
        std::vector<vs::point> points(batch);
        for (std::uint64_t k = 0; k < batch; ++k) {
            points[k].id = i * batch + k;
            points[k].vector = {1, 2, static_cast<float>(i), static_cast<float>(k)};
            points[k].payload = {{"n", i * batch + k}};
        }
        VECSTORE_CHECK(c.upsert(points));
        if (i % 4 == 1) VECSTORE_CHECK(db.checkpoint());
        if (i == batches - 1) VECSTORE_CHECK(db.optimize());
        if (i % 2 == 0) VECSTORE_CHECK(db.close());
    }
    VECSTORE_TRY(auto db, vs::database::open(directory, options));
    VECSTORE_TRY(auto c, db.open_collection("c"));
    for (std::uint64_t id = 0; id < batches * batch; ++id) {
        VECSTORE_TRY(const auto found, c.get(id, true, true));
        if (found.payload["n"].int64_or(-1) != static_cast<std::int64_t>(id) ||
            found.vector != std::vector<float>{1, 2, static_cast<float>(id / batch), static_cast<float>(id % batch)})
            return vs::error{vs::errc::internal, "point " + std::to_string(id) + " is not what was written"};
    }
    return {};
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    if (const auto ran = run(arguments[1]); !ran) {
        (void)std::fprintf(stderr, "%s\n", ran.error().what().c_str());
        return 1;
    }
    (void)std::fprintf(stderr, "%u interrupted, %u cut short\n", interrupted.load(), shortened.load());
    return interrupted > 100 && shortened > 100 ? 0 : 3;
}
