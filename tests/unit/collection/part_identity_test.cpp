#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/part/part_identity.hpp>

namespace vs = vecstore;
using vs::detail::row_identity;

TEST_CASE("part_identity: ids of both kinds and versions come back", "[collection]") {
    const std::uint64_t version_max = (std::uint64_t{1} << 63) - 1;
    for (const auto version : {std::uint64_t{0}, std::uint64_t{1}, version_max})
        for (const vs::point_id id : {vs::point_id{0}, vs::point_id{~std::uint64_t{0}}, vs::point_id{vs::uuid{}},
                                      vs::point_id{vs::test::uuid_of(0xF1)}}) {
            const row_identity identity{id, version};
            CHECK(vs::detail::unpack_identity(vs::detail::pack_identity(identity).data()) == identity);
        }
}
