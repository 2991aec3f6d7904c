/// A borrowed cursor over an encoded payload (layout in codec.hpp): reads fields in place, without decoding the rest.
/// A view is one pointer; copy it freely. It is valid as long as the bytes are neither changed nor freed.
/// Thread safety: const and stateless; any number of threads may read the same bytes.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace vecstore::payload {

class member_range;
class element_range;

class view {
public:
    /// The empty document.
    view() noexcept : node_(empty_document) {}

    /// Checks the whole buffer and gives the root object. No bytes at all are the empty document.
    /// Errors: corruption (truncated or oversized, unknown version or tag, too deep, bad UTF-8, non-finite number,
    /// equal keys in one object), with the offset inside the buffer.
    /// Cost: one pass over the bytes, no allocation unless an object has more than 16 members.
    [[nodiscard]] static result<view> open(byte_span encoded);

    /// The same without any check.
    /// Precondition: `encoded` is what `encode` gave or `open` accepted, e.g. because its checksum was verified.
    [[nodiscard]] static view trusted(byte_span encoded) noexcept {
        return encoded.empty() ? view() : view(encoded.data() + 1);
    }

    [[nodiscard]] payload::kind kind() const noexcept { return static_cast<payload::kind>(*node_); }
    [[nodiscard]] bool is_null() const noexcept { return kind() == payload::kind::null; }
    [[nodiscard]] bool is_array() const noexcept { return kind() == payload::kind::array; }
    [[nodiscard]] bool is_object() const noexcept { return kind() == payload::kind::object; }

    /// The content of a scalar. Precondition: kind() is the one in the name. The string borrows from the bytes.
    [[nodiscard]] bool boolean() const noexcept { return node_[1] != std::byte{0}; }
    [[nodiscard]] std::int64_t int64() const noexcept { return load_le<std::int64_t>(node_ + 1); }
    [[nodiscard]] double float64() const noexcept { return load_le<double>(node_ + 1); }
    [[nodiscard]] std::string_view string() const noexcept {
        return {reinterpret_cast<const char*>(node_ + 5), load_le<std::uint32_t>(node_ + 1)};
    }
    /// Integer or double as a double (integers beyond 2^53 are rounded); nothing for other kinds.
    [[nodiscard]] std::optional<double> number() const noexcept {
        if (kind() == payload::kind::int64) return static_cast<double>(int64());
        if (kind() == payload::kind::float64) return float64();
        return std::nullopt;
    }

    /// Count of elements or members; 0 for scalars.
    [[nodiscard]] std::size_t size() const noexcept {
        return kind() >= payload::kind::array ? load_le<std::uint32_t>(node_ + 5) : 0;
    }
    /// The member of that key; nothing when there is none or this is no object.
    /// Cost: one comparison and one jump for each member before it.
    [[nodiscard]] std::optional<view> find(std::string_view key) const noexcept;
    /// Loops: `for (const auto& [key, value] : v.members())`, `for (view element : v.elements())`.
    /// Empty when this is of another kind.
    [[nodiscard]] member_range members() const noexcept;
    [[nodiscard]] element_range elements() const noexcept;

    /// A copy that owns its memory.
    [[nodiscard]] value to_value() const;
    /// A copy of the object; the empty document when this is no object.
    [[nodiscard]] document to_document() const;

private:
    friend class member_range;
    friend class element_range;
    explicit view(const std::byte* node) noexcept : node_(node) {}

    /// Bytes from the tag to the end of the node: how a reader steps over it.
    [[nodiscard]] static std::size_t node_bytes(const std::byte* node) noexcept {
        switch (static_cast<payload::kind>(*node)) {
            case payload::kind::null: return 1;
            case payload::kind::boolean: return 2;
            case payload::kind::int64:
            case payload::kind::float64: return 9;
            default: return std::size_t{5} + load_le<std::uint32_t>(node + 1);
        }
    }
    static constexpr std::size_t container_header_bytes = 9;  // tag, body size, count
    static constexpr std::byte empty_document[9] = {std::byte{6}, std::byte{4}};

    const std::byte* node_;  // at the tag
};

/// One member of an encoded object; both parts borrow from the bytes.
struct member_view {
    std::string_view key;
    view value;
};

/// The members of an encoded object, in stored order; a forward pass.
class member_range {
public:
    class iterator {
    public:
        [[nodiscard]] member_view operator*() const noexcept { return {key(), view(node())}; }
        iterator& operator++() noexcept {
            at_ = node() + view::node_bytes(node());
            --left_;
            return *this;
        }
        friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.left_ == b.left_; }

    private:
        friend class member_range;
        iterator(const std::byte* at, std::size_t left) noexcept : at_(at), left_(left) {}
        [[nodiscard]] std::string_view key() const noexcept {
            return {reinterpret_cast<const char*>(at_ + 4), load_le<std::uint32_t>(at_)};
        }
        [[nodiscard]] const std::byte* node() const noexcept { return at_ + 4 + load_le<std::uint32_t>(at_); }
        const std::byte* at_;  // at the key's length
        std::size_t left_;
    };
    [[nodiscard]] iterator begin() const noexcept { return {first_, count_}; }
    [[nodiscard]] iterator end() const noexcept { return {nullptr, 0}; }

private:
    friend class view;
    member_range(const std::byte* first, std::size_t count) noexcept : first_(first), count_(count) {}
    const std::byte* first_;
    std::size_t count_;
};

/// The elements of an encoded array; a forward pass.
class element_range {
public:
    class iterator {
    public:
        [[nodiscard]] view operator*() const noexcept { return view(at_); }
        iterator& operator++() noexcept {
            at_ += view::node_bytes(at_);
            --left_;
            return *this;
        }
        friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.left_ == b.left_; }

    private:
        friend class element_range;
        iterator(const std::byte* at, std::size_t left) noexcept : at_(at), left_(left) {}
        const std::byte* at_;  // at the element's tag
        std::size_t left_;
    };
    [[nodiscard]] iterator begin() const noexcept { return {first_, count_}; }
    [[nodiscard]] iterator end() const noexcept { return {nullptr, 0}; }

private:
    friend class view;
    element_range(const std::byte* first, std::size_t count) noexcept : first_(first), count_(count) {}
    const std::byte* first_;
    std::size_t count_;
};

inline member_range view::members() const noexcept {
    return is_object() ? member_range(node_ + container_header_bytes, size()) : member_range(nullptr, 0);
}
inline element_range view::elements() const noexcept {
    return is_array() ? element_range(node_ + container_header_bytes, size()) : element_range(nullptr, 0);
}
inline std::optional<view> view::find(std::string_view key) const noexcept {
    for (const auto& [name, content] : members())
        if (name == key) return content;
    return std::nullopt;
}

}  // namespace vecstore::payload
