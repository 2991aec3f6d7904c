#include "source_files.hpp"

#include <vecstore/filter/datetime.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

namespace rag {

namespace vs = vecstore;
namespace fs = std::filesystem;

namespace {

bool is_text(const fs::path& path) {
    constexpr std::string_view endings[] = {".md", ".markdown", ".txt", ".text", ".rst"};
    auto ending = path.extension().string();
    for (auto& c : ending)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return std::find(std::begin(endings), std::end(endings), ending) != std::end(endings);
}

}  // namespace

vs::result<std::vector<source_file>> list_texts(const std::string& folder) {
    std::error_code e;
    if (!fs::is_directory(folder, e)) return vs::error{vs::errc::not_found, "no such folder", folder};
    std::vector<source_file> files;
    fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, e);
    for (; !e && at != fs::recursive_directory_iterator(); at.increment(e)) {
        const bool hidden = at->path().filename().string().starts_with('.');
        std::error_code gone;  // a file may go while we look
        if (hidden && at->is_directory(gone)) at.disable_recursion_pending();
        if (hidden || !at->is_regular_file(gone) || !is_text(at->path())) continue;
        const auto bytes = at->file_size(gone);
        if (gone) continue;
        const auto time = at->last_write_time(gone);
        if (gone) continue;
        files.push_back({at->path().lexically_relative(folder).generic_string(), bytes,
                         vs::to_string(vs::datetime(std::chrono::file_clock::to_sys(time)))});
    }
    if (e) return vs::error{vs::errc::io, e.message(), folder};
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return files;
}

vs::result<std::string> read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in) return vs::error{vs::errc::io, std::strerror(errno), path};
    return text;
}

}  // namespace rag
