#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/storage/unmapped_file_system.hpp>

#include <new>

namespace vecstore::storage {
namespace {

class copied_file final : public mapping {
public:
    explicit copied_file(aligned_buffer<std::byte> bytes) noexcept : bytes_(std::move(bytes)) {}
    [[nodiscard]] byte_span bytes() const noexcept override { return {bytes_.data(), bytes_.size()}; }

private:
    aligned_buffer<std::byte> bytes_;
};

class unmapped_files final : public file_system {
public:
    explicit unmapped_files(std::shared_ptr<file_system> inner) noexcept : inner_(std::move(inner)) {}

    result<std::shared_ptr<const mapping>> map(const std::string& path) override {
        VECSTORE_TRY(const auto source, inner_->open(path, open_mode::read));
        VECSTORE_TRY(const auto size, source->size());
        try {
            aligned_buffer<std::byte> bytes(static_cast<std::size_t>(size));
            VECSTORE_TRY(const auto present, source->read_at(0, {bytes.data(), bytes.size()}));
            if (present != size) return corruption("the file became shorter while it was read", path, present);
            return std::shared_ptr<const mapping>(std::make_shared<copied_file>(std::move(bytes)));
        } catch (const std::bad_alloc&) {
            return error{errc::resource_exhausted, "no memory for the file", path, 0};
        }
    }
    result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override {
        return inner_->open(path, mode);
    }
    result<void> rename(const std::string& from, const std::string& to) override { return inner_->rename(from, to); }
    result<void> link(const std::string& from, const std::string& to) override { return inner_->link(from, to); }
    result<void> remove(const std::string& path) override { return inner_->remove(path); }
    result<void> remove_all(const std::string& path) override { return inner_->remove_all(path); }
    result<void> create_directories(const std::string& path) override { return inner_->create_directories(path); }
    result<void> sync_directory(const std::string& path) override { return inner_->sync_directory(path); }
    result<std::vector<std::string>> list(const std::string& path) override { return inner_->list(path); }
    [[nodiscard]] bool exists(const std::string& path) override { return inner_->exists(path); }
    result<std::uint64_t> file_size(const std::string& path) override { return inner_->file_size(path); }
    [[nodiscard]] std::string network_kind(const std::string& path) override { return inner_->network_kind(path); }
    result<std::unique_ptr<file_lock>> lock(const std::string& path) override { return inner_->lock(path); }

private:
    std::shared_ptr<file_system> inner_;
};

}  // namespace

std::shared_ptr<file_system> without_mappings(std::shared_ptr<file_system> inner) {
    return std::make_shared<unmapped_files>(std::move(inner));
}

}  // namespace vecstore::storage
