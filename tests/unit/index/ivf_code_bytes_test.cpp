// The bytes of codes in inverted lists: what a later program must be able to scan.
#include <vecstore/quantization/fast_scan.hpp>

#include <catch2/catch.hpp>
#include <index/ivf_encode.hpp>
#include <index/ivf_signs.hpp>

#include <initializer_list>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;
using quantization::block_rows;

namespace {

/// Lines of a block, each `block_rows` bytes: these, then zeros.
byte_vector lines(std::initializer_list<std::initializer_list<unsigned>> wanted) {
    byte_vector block(wanted.size() * block_rows);
    std::size_t line = 0;
    for (const auto& bytes : wanted) {
        std::size_t at = line++ * block_rows;
        for (const auto b : bytes) block[at++] = static_cast<std::byte>(b);
    }
    return block;
}

}  // namespace

TEST_CASE("ivf codes: the bytes of product codes are as documented", "[ivf][golden]") {
    // Codeword j of the first pair of values is (j, 0), of the second (0, j); the third pair is padded with zero.
    constexpr std::size_t dim = 5, subs = 3;
    std::vector<float> codebook(subs * quantization::codebook_stride);
    for (std::size_t sub = 0; sub < subs; ++sub)
        for (std::size_t j = 0; j < quantization::codewords; ++j) {
            const auto x = static_cast<float>(j);
            float* words = codebook.data() + sub * quantization::codebook_stride;
            words[(sub == 1 ? quantization::codewords : 0) + j] = x;
            words[2 * quantization::codewords + j] = x * x / 2;
        }
    const float centroid[dim] = {};
    const float rows[][dim] = {{}, {3, 0, 0, 5, 2}, {15, 0, 0, 15, 15}};
    index::detail::list_encoder encoder(metric::euclid, dim, centroid, codebook.data());
    byte_vector blocks(quantization::block_bytes(subs));
    for (const auto& row : rows) encoder.add(row, blocks.data());
    encoder.finish(blocks.data());
    // Terms are squared lengths, 0, 38 and 675, on a scale of 255 steps.
    CHECK(encoder.least_term() == 0);
    CHECK(encoder.term_step() == 675.0f / 255);
    CHECK(encoder.error_squares() == 0);
    CHECK(blocks == lines({{0x00, 0x53, 0xFF}, {0x00, 0x02, 0x0F}, {0, 14, 255}}));
}

TEST_CASE("ivf codes: the bytes of sign codes are as documented", "[ivf][golden]") {
    constexpr std::size_t dim = 8;
    const quantization::rotation rotation(dim, 7);
    const float centroid[dim] = {1, 0, 0, 0, 0, 0, 0, 0};
    const float rows[][dim] = {{1, 1, 0, 0, 0, 0, 0, 0}, {3, 0, 0, 4, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0, 0, 8}};
    index::detail::sign_encoder encoder(metric::euclid, rotation, centroid);
    for (const auto& row : rows) encoder.add(row);
    byte_vector blocks(quantization::sign_block_bytes((dim + 3) / 4));
    ivf_lists::list list;
    const auto factors = encoder.finish(blocks.data(), list);
    // The smallest of the terms, the scales and the errors is level 0 of its line, the largest 255.
    CHECK(list.term_step > 0);
    CHECK(factors.scale.step > 0);
    CHECK(blocks == lines({{46, 43, 144}, {0, 66, 255}, {0, 166, 255}, {0, 255, 243}}));
}
