/// What every index checks of a vector that comes from outside.
/// Thread safety: belongs to one thread.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/distance/computer.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace vecstore::index {

/// A vector known to have the right dimension and finite values; a scaled copy for cosine, a borrowed view otherwise.
/// Lifetime: may borrow what it was made from.
class checked_vector {
public:
    /// Errors: invalid_argument (dim, a value that is not finite, a zero vector under cosine).
    [[nodiscard]] static result<checked_vector> make(std::span<const float> vector, std::size_t dim, metric m) {
        if (dim == 0 || dim > dim_max)
            return invalid_argument("the index has dimension " + std::to_string(dim) + ", not 1 to " +
                                    std::to_string(dim_max));
        if (vector.size() != dim)
            return invalid_argument("the vector has dimension " + std::to_string(vector.size()) + ", the index has " +
                                    std::to_string(dim));
        if (!all_finite(vector)) return invalid_argument("the vector has a value that is not finite");
        checked_vector checked;
        checked.borrowed_ = vector;
        if (m == metric::cosine) {
            checked.owned_.assign(vector.begin(), vector.end());
            if (!normalize(checked.owned_)) return invalid_argument("a zero vector has no direction for cosine");
        }
        return checked;
    }

    [[nodiscard]] std::span<const float> values() const noexcept {
        return owned_.empty() ? borrowed_ : std::span<const float>(owned_);
    }

private:
    std::span<const float> borrowed_;
    std::vector<float> owned_;
};

}  // namespace vecstore::index
