/// What every index checks of a vector that comes from outside.
/// Thread safety: belongs to one thread.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/distance/pack.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace vecstore::index {

/// A vector known to have the right dimension and finite values, in the form that rows or queries of an index have.
/// Lifetime: may borrow what it was made from.
class checked_vector {
public:
    /// f32: a scaled copy for cosine, a borrowed view otherwise.
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

    /// The form of a row of `type`.
    /// Errors: as above, and invalid_argument (the metric does not go with the type, a value that the type cannot hold).
    [[nodiscard]] static result<checked_vector> make_row(std::span<const float> vector, std::size_t dim, metric m,
                                                         element_type type) {
        if (!known(type) || !fits(m, type))
            return invalid_argument(std::string(to_string(m)) + " does not go with element type " +
                                    std::string(to_string(type)));
        VECSTORE_TRY(auto checked, make(vector, dim, m));
        if (type == element_type::f32) return checked;
        checked.packed_.resize(row_bytes(type, dim));
        VECSTORE_CHECK(pack(type, stored_as_unit(m, type) ? checked.values() : vector, checked.packed_));
        return checked;
    }
    /// The form in which rows of `type` are searched: packed for binary, f32 for all others, whose queries need not be
    /// values of the type.
    /// Errors: as `make_row`.
    [[nodiscard]] static result<checked_vector> make_query(std::span<const float> vector, std::size_t dim, metric m,
                                                           element_type type) {
        const bool numeric = type != element_type::binary && fits(m, type);
        return numeric ? make(vector, dim, m) : make_row(vector, dim, m, type);
    }

    [[nodiscard]] byte_span bytes() const noexcept {
        return packed_.empty() ? std::as_bytes(values()) : byte_span(packed_);
    }
    [[nodiscard]] std::span<const float> values() const noexcept {
        return owned_.empty() ? borrowed_ : std::span<const float>(owned_);
    }

private:
    std::span<const float> borrowed_;
    std::vector<float> owned_;
    byte_vector packed_;
};

}  // namespace vecstore::index
