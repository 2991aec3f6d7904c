/// A value or an error: a strict subset of the spelling of `std::expected<T, error>`.
/// Thread safety: as for the value held.
/// Why not an alias to std::expected by language mode: a library built as C++20 and a user built as C++23 would hold
/// two different types under one name.
#pragma once

#include <vecstore/core/error.hpp>

#include <type_traits>
#include <utility>
#include <variant>

namespace vecstore {

/// Holds either a `T` or an `error`. Test it, or call `value()` and get an exception.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    template <class U = T>
        requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::remove_cvref_t<U>, result> &&
                 !std::is_same_v<std::remove_cvref_t<U>, error>)
    result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT: implicit by design
    result(vecstore::error e) : state_(std::in_place_index<1>, std::move(e)) {}    // NOLINT: implicit by design

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// Precondition: has_value().
    [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    [[nodiscard]] T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&state_); }
    [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    /// The value, or throws `vecstore::exception`.
    T& value() & { return require(), **this; }
    const T& value() const& { return require(), **this; }
    /// By value, unlike std::expected: so `for (auto& x : f().value())` does not iterate over something already gone.
    T value() && { return require(), std::move(**this); }
    template <class U>
    [[nodiscard]] T value_or(U&& other) const& {
        return has_value() ? **this : static_cast<T>(std::forward<U>(other));
    }

    /// Precondition: !has_value().
    [[nodiscard]] const vecstore::error& error() const& noexcept { return *std::get_if<1>(&state_); }
    [[nodiscard]] vecstore::error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

private:
    void require() const {
        if (!has_value()) throw exception(error());
    }
    std::variant<T, vecstore::error> state_;
};

/// Success, or an error.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() noexcept = default;
    result(vecstore::error e) : error_(std::move(e)), failed_(true) {}  // NOLINT: implicit by design

    [[nodiscard]] bool has_value() const noexcept { return !failed_; }
    explicit operator bool() const noexcept { return has_value(); }
    void value() const {
        if (failed_) throw exception(error_);
    }
    [[nodiscard]] const vecstore::error& error() const& noexcept { return error_; }
    [[nodiscard]] vecstore::error&& error() && noexcept { return std::move(error_); }

private:
    vecstore::error error_;
    bool failed_ = false;
};

}  // namespace vecstore

#define VECSTORE_CONCAT_INNER(a, b) a##b
#define VECSTORE_CONCAT(a, b) VECSTORE_CONCAT_INNER(a, b)
#define VECSTORE_TRY_INNER(temporary, declaration, ...)              \
    auto temporary = (__VA_ARGS__);                                  \
    if (!temporary.has_value()) return std::move(temporary).error(); \
    declaration = *std::move(temporary)

/// `VECSTORE_TRY(auto x, f());` declares x, or returns f's error from the enclosing function.
#define VECSTORE_TRY(declaration, ...) \
    VECSTORE_TRY_INNER(VECSTORE_CONCAT(vecstore_try_, __LINE__), declaration, __VA_ARGS__)

/// `VECSTORE_CHECK(f());` returns f's error from the enclosing function; the value, if any, is dropped.
#define VECSTORE_CHECK(...)                                                   \
    do {                                                                      \
        if (auto vecstore_check = (__VA_ARGS__); !vecstore_check.has_value()) \
            return std::move(vecstore_check).error();                         \
    } while (false)
