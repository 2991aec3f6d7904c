#include "sample.hpp"

#include <vecstore/payload/json.hpp>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace sample {
namespace {

using vecstore::corruption;
using vecstore::result;

result<std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in) return vecstore::error{vecstore::errc::io, std::strerror(errno), path, 0};
    return bytes;
}

std::uint32_t u32_at(std::string_view bytes, std::size_t offset) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
    return value;
}

/// u32 rows, u32 dim, then for each row an f32 scale and dim signed bytes.
result<matrix> read_matrix(const std::string& path) {
    VECSTORE_TRY(const auto bytes, read_file(path));
    if (bytes.size() < 8) return corruption("no header", path, bytes.size());
    matrix m{u32_at(bytes, 0), u32_at(bytes, 4), {}};
    const auto stride = 4 + m.dim;
    if (m.dim == 0 || (bytes.size() - 8) / stride != m.rows || (bytes.size() - 8) % stride != 0)
        return corruption("size differs from the header's rows and dim", path, 0);
    m.values.reserve(m.rows * m.dim);
    for (std::size_t row = 0; row < m.rows; ++row) {
        const auto at = 8 + row * stride;
        const auto scale = std::bit_cast<float>(u32_at(bytes, at));
        for (std::size_t d = 0; d < m.dim; ++d)
            m.values.push_back(scale * static_cast<float>(static_cast<signed char>(bytes[at + 4 + d])));
    }
    return m;
}

result<std::vector<std::string>> read_lines(const std::string& path, std::size_t count) {
    VECSTORE_TRY(const auto bytes, read_file(path));
    std::vector<std::string> lines;
    std::size_t start = 0;
    for (auto end = bytes.find('\n'); end != std::string::npos; end = bytes.find('\n', start)) {
        lines.push_back(bytes.substr(start, end - start));
        start = end + 1;
    }
    if (lines.size() != count) return corruption("expected " + std::to_string(count) + " lines", path, start);
    return lines;
}

result<std::vector<sentence>> read_queries(const std::string& path, std::size_t count) {
    VECSTORE_TRY(const auto lines, read_lines(path, count));
    std::vector<sentence> queries;
    for (const auto& line : lines) {
        VECSTORE_TRY(const auto object, vecstore::payload::parse_document(line));
        const auto* const text = object["text"].if_string();
        const auto* const row = object["source_row"].if_int64();
        if (text == nullptr || row == nullptr) return corruption("expected text and source_row", path, 0);
        queries.push_back({*text, static_cast<std::size_t>(*row)});
    }
    return queries;
}

}  // namespace

result<data> load(const std::string& folder) {
    data d;
    VECSTORE_TRY(d.vectors, read_matrix(folder + "/vectors.i8bin"));
    VECSTORE_TRY(d.payloads, read_lines(folder + "/payload.jsonl", d.vectors.rows));
    VECSTORE_TRY(d.query_vectors, read_matrix(folder + "/queries.i8bin"));
    VECSTORE_TRY(d.queries, read_queries(folder + "/queries.jsonl", d.query_vectors.rows));
    return d;
}

std::string default_folder() { return VECSTORE_SAMPLE_FOLDER; }

}  // namespace sample
