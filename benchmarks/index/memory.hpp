/// Resident memory of this process, from /proc; zeros on systems without it.
#pragma once

#include <cstddef>

namespace vecstore::bench {

struct resident_bytes {
    std::size_t total = 0;
    std::size_t anonymous = 0;  ///< the rest is pages of mapped files, which the system may drop at any time
};

/// Gives freed heap back to the system first, so that a builder's scratch memory is not charged to the index.
[[nodiscard]] resident_bytes resident_now();

}  // namespace vecstore::bench
