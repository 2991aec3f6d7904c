#include "disk_reserve.hpp"

#include <algorithm>

namespace vecstore::detail {

bool disk_reserve::ensure(std::uint64_t live_bytes) {
    constexpr std::uint64_t step = 1u << 20;
    if (bytes_max_ == 0) {
        full_.store(false, std::memory_order_release);
        return true;
    }
    const lock_guard lock(mutex_);
    wanted_ = std::max(wanted_, std::min(bytes_max_, (live_bytes / step + 2) * step));
    if (held_ >= wanted_) return true;
    const auto held = [this](std::uint64_t bytes) -> result<void> {
        VECSTORE_TRY(const auto made, files_.open(path_, storage::open_mode::create));
        return made->reserve(bytes);
    }(wanted_);
    // What was held before stays; but a full disk is full until all of it fits again.
    if (!held && held.error().code == errc::resource_exhausted) {
        if (held_ == 0) (void)files_.remove(path_);  // it may have got a part, which others need more
        return false;
    }
    held_ = wanted_;  // or the file system cannot, which is no reason to refuse writes
    full_.store(false, std::memory_order_release);
    return true;
}

bool disk_reserve::release() {
    const lock_guard lock(mutex_);
    full_.store(true, std::memory_order_release);
    held_ = 0;
    if (bytes_max_ == 0 || !files_.exists(path_)) return false;
    return files_.remove(path_).has_value();
}

}  // namespace vecstore::detail
