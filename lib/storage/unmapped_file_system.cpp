#include "forwarding_file_system.hpp"

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

class unmapped_files final : public forwarding_file_system {
public:
    using forwarding_file_system::forwarding_file_system;

    result<std::shared_ptr<const mapping>> map(const std::string& path) override {
        VECSTORE_TRY(const auto source, inner().open(path, open_mode::read));
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
};

}  // namespace

std::shared_ptr<file_system> without_mappings(std::shared_ptr<file_system> inner) {
    return std::make_shared<unmapped_files>(std::move(inner));
}

}  // namespace vecstore::storage
