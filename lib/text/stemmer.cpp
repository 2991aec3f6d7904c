#include "stemmer.hpp"

#include <algorithm>
#include <new>
#include <utility>

#if VECSTORE_STEMMER
#include <libstemmer.h>
#endif

namespace vecstore::text::detail {

#if VECSTORE_STEMMER

result<stemmer> stemmer::create(const std::string& language) {
    // Null for unknown names, and when there is no memory, which a name that is known tells apart.
    auto* handle = language.find('\0') == std::string::npos ? sb_stemmer_new(language.c_str(), nullptr) : nullptr;
    if (handle != nullptr) return stemmer(handle);
    const auto known = languages();
    if (std::find(known.begin(), known.end(), language) != known.end()) throw std::bad_alloc();
    return invalid_argument("stemmer: there is none for \"" + language + "\"");
}

stemmer::~stemmer() { sb_stemmer_delete(handle_); }

std::string_view stemmer::stem(std::string_view word) {
    // No word is so long; what is has no stem, and at the extreme would not fit the library's int.
    constexpr std::size_t word_bytes_max = 1u << 10;
    if (word.size() > word_bytes_max) return word;
    const auto* bytes = reinterpret_cast<const sb_symbol*>(word.data());
    const auto* stem = sb_stemmer_stem(handle_, bytes, static_cast<int>(word.size()));
    if (stem == nullptr) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(stem), static_cast<std::size_t>(sb_stemmer_length(handle_))};
}

std::vector<std::string_view> stemmer::languages() {
    std::vector<std::string_view> names;
    for (const char** name = sb_stemmer_list(); *name != nullptr; ++name) names.emplace_back(*name);
    std::sort(names.begin(), names.end());
    return names;
}

#else

result<stemmer> stemmer::create(const std::string& language) {
    return error{errc::unsupported, "stemmer \"" + language + "\": this build has no libstemmer"};
}
stemmer::~stemmer() = default;
std::string_view stemmer::stem(std::string_view word) { return word; }
std::vector<std::string_view> stemmer::languages() { return {}; }

#endif

stemmer::stemmer(stemmer&& from) noexcept : handle_(std::exchange(from.handle_, nullptr)) {}

}  // namespace vecstore::text::detail
