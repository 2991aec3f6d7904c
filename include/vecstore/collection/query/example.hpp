/// What a question is asked with: vectors, and points that stand for their vectors.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/point_id.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace vecstore {

/// A vector [dim] f32, finite, or the id of a point whose vector is meant; a point that is an example is no hit.
class example {
public:
    using content_type = std::variant<std::vector<float>, point_id>;

    example(std::vector<float> vector) : content_(std::move(vector)) {}  // NOLINT: implicit by design
    example(const point_id& id) noexcept : content_(id) {}               // NOLINT: implicit by design
    example(const uuid& id) noexcept : content_(point_id(id)) {}         // NOLINT: implicit by design
    example(std::integral auto id) noexcept : content_(point_id(id)) {}  // NOLINT: implicit by design

    [[nodiscard]] const content_type& content() const noexcept { return content_; }
    [[nodiscard]] const point_id* if_id() const noexcept { return std::get_if<point_id>(&content_); }
    [[nodiscard]] const std::vector<float>* if_vector() const noexcept {
        return std::get_if<std::vector<float>>(&content_);
    }

    friend bool operator==(const example&, const example&) = default;

private:
    content_type content_;
};

/// Two examples: nearer to the first is better.
struct example_pair {
    example positive;
    example negative;

    friend bool operator==(const example_pair&, const example_pair&) = default;
};

/// Where points that are examples are looked up instead of in the collection that is asked: another collection of the same
/// database. Each of the two is seen in one state, with all writes acknowledged before the query began; a write that goes
/// to both may be seen in one alone.
struct lookup_from {
    std::string collection = {};
    std::optional<std::string> vector = {};  ///< name of the vector there; absent: the same as `query::using_vector`

    friend bool operator==(const lookup_from&, const lookup_from&) = default;
};

}  // namespace vecstore
