/// Any bytes for the small sections of index files, calibration and codec: an error, or values that can be used without a
/// slip and are saved as the same bytes. The first byte chooses the section.
#include <vecstore/quantization/code_distances.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <collection/part/calibration.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace vecstore;

namespace {

void require(bool what) {
    if (!what) __builtin_trap();
}

void use_calibration(const detail::calibration& measured) {
    for (const double recall : {0.0, 0.5, 0.95, 0.999})
        for (const std::size_t k : {1u, 10u, 37u, 100u, 65'536u}) {
            const auto chosen = measured.choose(recall, k);
            require(chosen.recall >= 0 && chosen.recall <= 1);
            require(measured.at_breadth(k, 10).setting.breadth == k);
        }
    require(measured.band_of(0.5f) < detail::query_bands);
}

void use_codec(const quantization::scalar_codec& codec) {
    if (codec.dim() > 300) return;  // bounds the time of one input
    std::vector<float> vector(codec.dim(), 0.5f);
    struct alignas(64) line {
        std::byte bytes[64];
    };
    std::vector<line> code(codec.code_bytes() / 64);
    auto* bytes = reinterpret_cast<std::byte*>(code.data());
    codec.encode(vector.data(), bytes);
    quantization::code_query query;
    codec.prepare(vector.data(), query);
    require(!std::isnan(quantization::code_distances(codec, bytes, query)(0)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const byte_span bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    const auto same = [&](const byte_vector& saved) {
        require(std::equal(saved.begin(), saved.end(), bytes.begin(), bytes.end()));
    };
    switch (data[0] % 3) {
        case 0:
            if (const auto loaded = detail::calibration::load(bytes)) {
                byte_writer out;
                loaded->save(out);
                same(std::move(out).take());
                use_calibration(*loaded);
            } else {
                require(loaded.error().code == errc::corruption);
            }
            break;
        case 1:
            if (const auto loaded = detail::calibration::load_version_1(bytes)) use_calibration(*loaded);
            break;
        default:
            if (const auto loaded = quantization::scalar_codec::load(bytes)) {
                same(loaded->save());
                use_codec(*loaded);
            } else {
                require(loaded.error().code == errc::corruption);
            }
    }
    return 0;
}
