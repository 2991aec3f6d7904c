/// Snowball stems; the only place that knows libstemmer.
/// Thread safety: an object belongs to one thread.
#pragma once

#include <vecstore/core/result.hpp>

#include <string>
#include <string_view>
#include <vector>

struct sb_stemmer;

namespace vecstore::text::detail {

class stemmer {
public:
    /// Errors: invalid_argument (there is no such language), unsupported (a build without libstemmer).
    [[nodiscard]] static result<stemmer> create(const std::string& language);
    stemmer(stemmer&& from) noexcept;
    stemmer& operator=(stemmer&&) = delete;
    ~stemmer();

    /// Good until the next call. May throw std::bad_alloc.
    [[nodiscard]] std::string_view stem(std::string_view word);

    [[nodiscard]] static std::vector<std::string_view> languages();

private:
    explicit stemmer(sb_stemmer* handle) noexcept : handle_(handle) {}
    sb_stemmer* handle_;
};

}  // namespace vecstore::text::detail
