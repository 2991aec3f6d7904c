/// A point's payload in memory: a JSON-like value and an object of such values.
/// `document d = {{"lang", "en"}, {"year", 2024}, {"tags", value::array{"a", "b"}}, {"geo", {{"lat", 1.5}}}};`
/// Integers and floating-point numbers stay apart: 1 and 1.0 are different values, as in filters.
/// Strings and keys must be UTF-8 and numbers finite to be stored; the codec checks that, these classes do not.
/// Thread safety: plain values; const access from any number of threads.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace vecstore::payload {

/// The kinds of value. The numbers are tags on disk (codec.hpp): do not renumber.
enum class kind : std::uint8_t {
    null = 0,
    boolean = 1,
    int64 = 2,
    float64 = 3,
    string = 4,
    array = 5,
    object = 6,
};

class value;
struct member;

/// An object: members with unique keys, in insertion order.
/// Cost: lookups walk the members, for payloads have few; building n members by `set` is O(n^2), by `append` O(n).
class document {
public:
    document() noexcept;
    /// Of equal keys the last wins.
    document(std::initializer_list<member> members);
    document(const document&);
    document(document&&) noexcept;
    document& operator=(const document&);
    document& operator=(document&&) noexcept;
    ~document();

    [[nodiscard]] bool empty() const noexcept;
    [[nodiscard]] std::size_t size() const noexcept;
    /// In insertion order. Keys are const to the caller by convention: change them and they may collide.
    [[nodiscard]] const member* begin() const noexcept;
    [[nodiscard]] const member* end() const noexcept;

    /// Null when there is no such key; valid until the document changes.
    [[nodiscard]] const value* find(std::string_view key) const noexcept;
    [[nodiscard]] value* find(std::string_view key) noexcept;
    [[nodiscard]] bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }
    /// A null value when there is no such key.
    [[nodiscard]] const value& operator[](std::string_view key) const noexcept;

    /// Replaces the member in place, or adds it at the end. Returns the value now held.
    value& set(std::string_view key, value content);
    /// Adds at the end without looking for the key. Precondition: !contains(key).
    value& append(std::string key, value content);
    /// Returns whether there was such a key.
    bool erase(std::string_view key);
    void clear() noexcept;
    void reserve(std::size_t members);

    /// Equal when they have the same keys with equal values, in any order.
    friend bool operator==(const document& a, const document& b) noexcept { return equal(a, b); }

private:
    static bool equal(const document& a, const document& b) noexcept;
    std::vector<member> members_;
};

/// Null, boolean, 64-bit integer, double, string, array or object.
class value {
public:
    using array = std::vector<value>;

    value() noexcept = default;
    value(std::nullptr_t) noexcept {}  // NOLINT: implicit by design, as all the constructors here
    template <std::same_as<bool> T>
    value(T content) noexcept : content_(std::in_place_index<1>, content) {}  // NOLINT
    /// Unsigned numbers above the int64 range become the nearest double, as in JSON.
    template <std::integral T>
        requires(!std::same_as<T, bool> && !std::same_as<T, char>)
    value(T content)
    noexcept {  // NOLINT
        if (std::in_range<std::int64_t>(content))
            content_.template emplace<2>(static_cast<std::int64_t>(content));
        else
            content_.template emplace<3>(static_cast<double>(content));
    }
    template <std::floating_point T>
    value(T content) noexcept : content_(std::in_place_index<3>, static_cast<double>(content)) {}  // NOLINT
    value(const char* content) : content_(std::in_place_index<4>, content) {}                      // NOLINT
    value(std::string_view content) : content_(std::in_place_index<4>, content) {}                 // NOLINT
    value(std::string content) noexcept : content_(std::in_place_index<4>, std::move(content)) {}  // NOLINT
    value(array content) noexcept;                                                                 // NOLINT
    value(document content) noexcept;                                                              // NOLINT
    /// `{{"lat", 1.5}, {"lon", 2.5}}` is an object; write arrays as `value::array{1, 2}`.
    /// An array that holds one array is `value::array{value(value::array{1, 2})}`: without the inner `value(...)`, some
    /// compilers take the braces for a copy (CWG 2137).
    value(std::initializer_list<member> members);  // NOLINT
    value(const value&);
    value(value&&) noexcept;
    value& operator=(const value&);
    value& operator=(value&&) noexcept;
    ~value();

    [[nodiscard]] payload::kind kind() const noexcept { return static_cast<payload::kind>(content_.index()); }
    [[nodiscard]] bool is_null() const noexcept { return content_.index() == 0; }
    [[nodiscard]] bool is_bool() const noexcept { return content_.index() == 1; }
    [[nodiscard]] bool is_int64() const noexcept { return content_.index() == 2; }
    [[nodiscard]] bool is_double() const noexcept { return content_.index() == 3; }
    [[nodiscard]] bool is_string() const noexcept { return content_.index() == 4; }
    [[nodiscard]] bool is_array() const noexcept { return content_.index() == 5; }
    [[nodiscard]] bool is_object() const noexcept { return content_.index() == 6; }

    /// The content when it is of that very kind, else null. Valid until the value changes.
    [[nodiscard]] const bool* if_bool() const noexcept { return std::get_if<1>(&content_); }
    [[nodiscard]] const std::int64_t* if_int64() const noexcept { return std::get_if<2>(&content_); }
    [[nodiscard]] const double* if_double() const noexcept { return std::get_if<3>(&content_); }
    [[nodiscard]] const std::string* if_string() const noexcept { return std::get_if<4>(&content_); }
    [[nodiscard]] const array* if_array() const noexcept { return std::get_if<5>(&content_); }
    [[nodiscard]] const document* if_object() const noexcept { return std::get_if<6>(&content_); }
    [[nodiscard]] array* if_array() noexcept { return std::get_if<5>(&content_); }
    [[nodiscard]] document* if_object() noexcept { return std::get_if<6>(&content_); }

    /// The content, or `other` when it is of another kind. `double_or` also takes integers.
    [[nodiscard]] bool bool_or(bool other) const noexcept { return if_bool() ? *if_bool() : other; }
    [[nodiscard]] std::int64_t int64_or(std::int64_t other) const noexcept { return if_int64() ? *if_int64() : other; }
    [[nodiscard]] double double_or(double other) const noexcept {
        if (const auto* integer = if_int64()) return static_cast<double>(*integer);
        return if_double() ? *if_double() : other;
    }
    /// The result borrows from this value or from `other`.
    [[nodiscard]] std::string_view string_or(std::string_view other) const noexcept {
        return if_string() ? std::string_view(*if_string()) : other;
    }

    /// Member of an object, element of an array; a null value when there is none or this is of another kind.
    [[nodiscard]] const value& operator[](std::string_view key) const noexcept;
    [[nodiscard]] const value& operator[](const char* key) const noexcept { return (*this)[std::string_view(key)]; }
    template <std::integral T>
    [[nodiscard]] const value& operator[](T index) const noexcept {
        return element(std::in_range<std::size_t>(index) ? static_cast<std::size_t>(index) : ~std::size_t{0});
    }

    /// Same kind and same content: 1, 1.0, "1" and true all differ.
    friend bool operator==(const value& a, const value& b) noexcept { return equal(a, b); }

private:
    [[nodiscard]] const value& element(std::size_t index) const noexcept;
    static bool equal(const value& a, const value& b) noexcept;
    std::variant<std::monostate, bool, std::int64_t, double, std::string, array, document> content_;
};

/// One key with its value. Loops read `for (const auto& [key, value] : document)`.
struct member {
    std::string key;
    payload::value value;
};

/// What lookups that find nothing refer to.
[[nodiscard]] inline const value& null_value() noexcept {
    static const value nothing;
    return nothing;
}

// The bodies stand here because they need `member` to be complete.
inline document::document() noexcept = default;
inline document::document(const document&) = default;
inline document::document(document&&) noexcept = default;
inline document& document::operator=(const document&) = default;
inline document& document::operator=(document&&) noexcept = default;
inline document::~document() = default;
inline document::document(std::initializer_list<member> members) {
    members_.reserve(members.size());
    for (const auto& m : members) set(m.key, m.value);
}

inline value::value(const value&) = default;
inline value::value(value&&) noexcept = default;
inline value& value::operator=(const value&) = default;
inline value& value::operator=(value&&) noexcept = default;
inline value::~value() = default;
inline value::value(array content) noexcept : content_(std::in_place_index<5>, std::move(content)) {}
inline value::value(document content) noexcept : content_(std::in_place_index<6>, std::move(content)) {}
inline value::value(std::initializer_list<member> members) : content_(std::in_place_index<6>, members) {}

inline bool document::empty() const noexcept { return members_.empty(); }
inline std::size_t document::size() const noexcept { return members_.size(); }
inline const member* document::begin() const noexcept { return members_.data(); }
inline const member* document::end() const noexcept { return members_.data() + members_.size(); }
inline void document::clear() noexcept { members_.clear(); }
inline void document::reserve(std::size_t members) { members_.reserve(members); }

inline const value* document::find(std::string_view key) const noexcept {
    for (const auto& m : members_)
        if (m.key == key) return &m.value;
    return nullptr;
}
inline value* document::find(std::string_view key) noexcept {
    return const_cast<value*>(std::as_const(*this).find(key));
}
inline const value& document::operator[](std::string_view key) const noexcept {
    const auto* found = find(key);
    return found ? *found : null_value();
}
inline value& document::set(std::string_view key, value content) {
    if (auto* found = find(key)) return *found = std::move(content);
    return append(std::string(key), std::move(content));
}
inline value& document::append(std::string key, value content) {
    return members_.emplace_back(member{std::move(key), std::move(content)}).value;
}
inline bool document::erase(std::string_view key) {
    return std::erase_if(members_, [&](const member& m) { return m.key == key; }) > 0;
}
inline bool document::equal(const document& a, const document& b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto& [key, content] = a.members_[i];
        // Mostly both were built in the same order, and no search is needed.
        const auto* other = b.members_[i].key == key ? &b.members_[i].value : b.find(key);
        if (!other || !(content == *other)) return false;
    }
    return true;
}

inline const value& value::operator[](std::string_view key) const noexcept {
    const auto* object = if_object();
    return object ? (*object)[key] : null_value();
}
inline const value& value::element(std::size_t index) const noexcept {
    const auto* items = if_array();
    return items && index < items->size() ? (*items)[index] : null_value();
}
inline bool value::equal(const value& a, const value& b) noexcept { return a.content_ == b.content_; }

}  // namespace vecstore::payload
