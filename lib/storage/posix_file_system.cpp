#include <vecstore/storage/file_system.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace vecstore::storage {
namespace {

errc code_of(int reason) noexcept {
    switch (reason) {
        case ENOENT:
        case ENOTDIR: return errc::not_found;
        case EEXIST:
        case ENOTEMPTY: return errc::already_exists;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EMFILE:
        case ENFILE:
        case ENOMEM: return errc::resource_exhausted;
        default: return errc::io;
    }
}

error system_error(int reason, const char* operation, const std::string& path) {
    // strerror is not thread-safe; the generic category's message is.
    return {code_of(reason), std::string(operation) + ": " + std::generic_category().message(reason), path, 0};
}

/// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) noexcept {
    auto outcome = call();
    while (outcome < 0 && errno == EINTR) outcome = call();
    return outcome;
}

class descriptor {
public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int get() const noexcept { return number_; }

private:
    int number_;
};

result<descriptor> open_descriptor(const std::string& path, int flags) {
    const int number = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
    if (number < 0) return system_error(errno, "open", path);
    return descriptor(number);
}

constexpr std::size_t transfer_bytes_max = std::size_t{1} << 30;  // below the kernel's own limit of 2 GiB

class posix_file final : public file {
public:
    posix_file(descriptor handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}

    result<void> write_at(std::uint64_t offset, byte_span bytes) override {
        while (!bytes.empty()) {
            const auto count = uninterrupted([&] {
                return ::pwrite(handle_.get(), bytes.data(), std::min(bytes.size(), transfer_bytes_max),
                                static_cast<off_t>(offset));
            });
            if (count < 0) return system_error(errno, "write", path_);
            if (count == 0) return system_error(ENOSPC, "write", path_);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return {};
    }

    result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        std::size_t done = 0;
        while (done < into.size()) {
            const auto count = uninterrupted([&] {
                return ::pread(handle_.get(), into.data() + done, std::min(into.size() - done, transfer_bytes_max),
                               static_cast<off_t>(offset + done));
            });
            if (count < 0) return system_error(errno, "read", path_);
            if (count == 0) break;
            done += static_cast<std::size_t>(count);
        }
        return done;
    }

    result<void> sync() override {
        // Not repeated on EINTR: after any failure the state of the dirty pages is unknown.
        if (::fdatasync(handle_.get()) != 0) return system_error(errno, "fdatasync", path_);
        return {};
    }

    [[nodiscard]] result<std::uint64_t> size() const override {
        struct stat status {};
        if (::fstat(handle_.get(), &status) != 0) return system_error(errno, "fstat", path_);
        return static_cast<std::uint64_t>(status.st_size);
    }

    result<void> truncate(std::uint64_t bytes) override {
        if (uninterrupted([&] { return ::ftruncate(handle_.get(), static_cast<off_t>(bytes)); }) != 0)
            return system_error(errno, "ftruncate", path_);
        return {};
    }

    result<void> allocate(std::uint64_t bytes) override {
        // Written, not fallocate'd: ext4 and xfs mark fallocated extents as unwritten, and the first write into them
        // changes metadata after all.
        VECSTORE_TRY(auto at, size());
        const byte_vector zeros(
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes > at ? bytes - at : 0, 1u << 20)));
        while (at < bytes) {
            const auto count = std::min<std::uint64_t>(zeros.size(), bytes - at);
            VECSTORE_CHECK(write_at(at, byte_span(zeros).first(static_cast<std::size_t>(count))));
            at += count;
        }
        return {};
    }

    void drop_cached(std::uint64_t offset, std::uint64_t bytes) const noexcept override {
        (void)::posix_fadvise(handle_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                              POSIX_FADV_DONTNEED);
    }

    result<void> reserve(std::uint64_t bytes) override {
        const int code = uninterrupted(
            [&] { return ::fallocate(handle_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)); });
        if (code == 0) return {};
        if (errno == EOPNOTSUPP || errno == ENOSYS) return allocate(bytes);
        return system_error(errno, "fallocate", path_);
    }

    [[nodiscard]] const std::string& path() const noexcept override { return path_; }

private:
    descriptor handle_;
    std::string path_;
};

class posix_mapping final : public mapping {
public:
    explicit posix_mapping(byte_span bytes) noexcept : bytes_(bytes) {}
    ~posix_mapping() override {
        if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    }
    [[nodiscard]] byte_span bytes() const noexcept override { return bytes_; }
    void release(std::uint64_t offset, std::uint64_t bytes) const noexcept override {
        constexpr std::uint64_t page = 64u << 10;  // or a fraction of it, on all systems
        const auto first = (std::min<std::uint64_t>(offset, bytes_.size()) + page - 1) / page * page;
        if (first >= bytes_.size()) return;
        const auto count = std::min<std::uint64_t>(bytes, bytes_.size() - first);
        (void)::madvise(const_cast<std::byte*>(bytes_.data() + first), static_cast<std::size_t>(count), MADV_DONTNEED);
    }

private:
    byte_span bytes_;
};

class posix_lock final : public file_lock {
public:
    explicit posix_lock(descriptor handle) noexcept : handle_(std::move(handle)) {}

private:
    descriptor handle_;  // closing it gives the lock back
};

/// The process id that the holder wrote into the lock file; F_OFD_GETLK knows none.
std::string holder_of(int handle) {
    char text[32];
    const auto count = ::pread(handle, text, sizeof text, 0);
    long pid = 0;
    if (count <= 0 || std::from_chars(text, text + count, pid).ec != std::errc{}) return "another process";
    return "process " + std::to_string(pid);
}

bool is_directory(const std::string& path) noexcept {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

struct network_file_system {
    std::uint64_t magic;
    std::string_view name;
};
/// As linux/magic.h has them, and the manual page of statfs. FUSE is among them because what is behind it (sshfs, an object
/// store, a shared folder of a virtual machine) cannot be told.
constexpr network_file_system network_file_systems[] = {
    {0x6969, "nfs"},       {0x517B, "smb"},        {0xFE53'4D42, "smb2"},   {0xFF53'4D42, "cifs"},
    {0x0102'1997, "9p"},   {0x6573'5546, "fuse"},  {0x5346'414F, "afs"},    {0x6B41'4653, "afs"},
    {0x7375'7245, "coda"}, {0x00C3'6400, "ceph"},  {0x0BD0'0BD0, "lustre"}, {0x564C, "ncp"},
    {0x0116'1970, "gfs2"}, {0x7461'636F, "ocfs2"}, {0xAAD7'AAEA, "panfs"},  {0x4750'4653, "gpfs"},
};

class posix_files final : public file_system {
public:
    result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override {
        int flags = O_RDWR;
        if (mode == open_mode::read) flags = O_RDONLY;
        if (mode == open_mode::create) flags |= O_CREAT;
        if (mode == open_mode::create_new) flags |= O_CREAT | O_EXCL;
        VECSTORE_TRY(auto handle, open_descriptor(path, flags));
        return std::unique_ptr<file>(std::make_unique<posix_file>(std::move(handle), path));
    }

    result<std::shared_ptr<const mapping>> map(const std::string& path) override {
        VECSTORE_TRY(const auto handle, open_descriptor(path, O_RDONLY));
        struct stat status {};
        if (::fstat(handle.get(), &status) != 0) return system_error(errno, "fstat", path);
        const auto bytes = static_cast<std::size_t>(status.st_size);
        if (bytes == 0) return std::shared_ptr<const mapping>(std::make_shared<posix_mapping>(byte_span{}));
        void* at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, handle.get(), 0);
        if (at == MAP_FAILED) return system_error(errno, "mmap", path);
        return std::shared_ptr<const mapping>(
            std::make_shared<posix_mapping>(byte_span(static_cast<const std::byte*>(at), bytes)));
    }

    result<void> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) return system_error(errno, "rename", from);
        return {};
    }

    result<void> link(const std::string& from, const std::string& to) override {
        if (::link(from.c_str(), to.c_str()) == 0) return {};
        if (errno != EPERM && errno != EOPNOTSUPP && errno != EXDEV && errno != EMLINK)
            return system_error(errno, "link", from);
        return copy(from, to);
    }

    result<void> remove(const std::string& path) override {
        if (::remove(path.c_str()) != 0) return system_error(errno, "remove", path);
        return {};
    }

    result<void> remove_all(const std::string& path) override {
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0) {
            if (errno == ENOENT) return {};
            return system_error(errno, "lstat", path);
        }
        if (S_ISDIR(status.st_mode)) {
            VECSTORE_TRY(const auto names, list(path));
            for (const auto& name : names) VECSTORE_CHECK(remove_all(join_path(path, name)));
        }
        return remove(path);
    }

    result<void> create_directories(const std::string& path) override {
        if (is_directory(path)) return {};
        const auto parent = parent_directory(path);
        if (parent != path) VECSTORE_CHECK(create_directories(parent));
        if (::mkdir(path.c_str(), 0755) == 0) return sync_directory(parent);
        const int reason = errno;
        if (reason == EEXIST && is_directory(path)) return {};  // another process was faster
        return system_error(reason, "mkdir", path);
    }

    result<void> sync_directory(const std::string& path) override {
        VECSTORE_TRY(const auto handle, open_descriptor(path, O_RDONLY | O_DIRECTORY));
        if (::fsync(handle.get()) != 0) return system_error(errno, "fsync", path);
        return {};
    }

    result<std::vector<std::string>> list(const std::string& path) override {
        std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
        if (!directory) return system_error(errno, "opendir", path);
        std::vector<std::string> names;
        errno = 0;
        while (const auto* entry = ::readdir(directory.get())) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
            errno = 0;
        }
        if (errno != 0) return system_error(errno, "readdir", path);
        std::sort(names.begin(), names.end());
        return names;
    }

    [[nodiscard]] bool exists(const std::string& path) override {
        struct stat status {};
        return ::stat(path.c_str(), &status) == 0;
    }

    result<std::uint64_t> file_size(const std::string& path) override {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0) return system_error(errno, "stat", path);
        return static_cast<std::uint64_t>(status.st_size);
    }

    [[nodiscard]] std::string network_kind(const std::string& path) override {
        struct statfs status {};
        if (uninterrupted([&] { return ::statfs(path.c_str(), &status); }) != 0) return {};
        const auto magic = static_cast<std::uint64_t>(status.f_type) & 0xFFFF'FFFF;
        for (const auto& each : network_file_systems)
            if (each.magic == magic) return std::string(each.name);
        return {};
    }

    result<std::unique_ptr<file_lock>> lock(const std::string& path) override {
        VECSTORE_TRY(auto handle, open_descriptor(path, O_RDWR | O_CREAT));
        struct flock request {};
        request.l_type = F_WRLCK;
        request.l_whence = SEEK_SET;
        if (uninterrupted([&] { return ::fcntl(handle.get(), F_OFD_SETLK, &request); }) != 0) {
            if (errno == EAGAIN || errno == EACCES)
                return error{errc::unavailable, "locked by " + holder_of(handle.get()), path, 0};
            return system_error(errno, "lock", path);
        }
        // For people only: a failure to write it does not weaken the lock.
        const auto text = std::to_string(::getpid()) + "\n";
        if (::ftruncate(handle.get(), 0) == 0) {
            [[maybe_unused]] const auto count = ::pwrite(handle.get(), text.data(), text.size(), 0);
        }
        return std::unique_ptr<file_lock>(std::make_unique<posix_lock>(std::move(handle)));
    }

private:
    result<void> copy(const std::string& from, const std::string& to) {
        VECSTORE_TRY(const auto source, open(from, open_mode::read));
        VECSTORE_TRY(const auto target, open(to, open_mode::create_new));
        byte_vector buffer(std::size_t{1} << 20);
        for (std::uint64_t at = 0;;) {
            VECSTORE_TRY(const auto count, source->read_at(at, buffer));
            if (count == 0) break;
            VECSTORE_CHECK(target->write_at(at, byte_span(buffer).first(count)));
            at += count;
        }
        return target->sync();
    }
};

}  // namespace

file_system& posix_file_system() noexcept {
    static posix_files files;
    return files;
}

}  // namespace vecstore::storage
