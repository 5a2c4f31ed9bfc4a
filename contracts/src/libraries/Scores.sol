// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Integer dot products, exact on every machine: `score` of `protocol/attribution.ts`.
library Scores {
    /**
     * @notice Dot product of parts of a contributor's summed rows and of an answer's row.
     * @param vector Signed coordinates, big-endian, of 1 to 4 bytes each.
     * @param query As many signed bytes as there are coordinates.
     * @return fits False where the lengths do not fit: then there is no product.
     */
    function dot(bytes calldata vector, bytes calldata query) internal pure returns (bool fits, int256 product) {
        if (query.length == 0) return (vector.length == 0, 0);
        uint256 width = vector.length / query.length;
        if (width == 0 || width > 4 || width * query.length != vector.length) return (false, 0);
        return (true, width == 1 ? _dotBytes(vector, query) : _dotWide(vector, query, width));
    }

    /**
     * @dev Bytes are moved from -128 .. 127 to 0 .. 255, multiplied eight at a time and the shift taken out of the sum:
     * (a + 128)(b + 128) = ab + 128 (a + 128) + 128 (b + 128) - 128². Behind the end lie moved zeros, which count for 0.
     */
    function _dotBytes(bytes calldata a, bytes calldata b) private pure returns (int256 sum) {
        uint256 length = a.length;
        assembly ("memory-safe") {
            let high := 0x8080808080808080808080808080808080808080808080808080808080808080
            let low := 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff
            let ones := 0x0001000100010001000100010001000100010001000100010001000100010001
            let products := 0
            let moved := 0
            for { let at := 0 } lt(at, length) { at := add(at, 32) } {
                let u := calldataload(add(a.offset, at))
                let v := calldataload(add(b.offset, at))
                let left := sub(length, at)
                if lt(left, 32) {
                    let mask := not(shr(shl(3, left), not(0)))
                    u := and(u, mask)
                    v := and(v, mask)
                }
                u := xor(u, high)
                v := xor(v, high)
                let pairs := add(add(and(u, low), and(shr(8, u), low)), add(and(v, low), and(shr(8, v), low)))
                moved := add(moved, shr(240, mul(pairs, ones)))
                for { let part := 0 } lt(part, 4) { part := add(part, 1) } {
                    products := add(products, mul(byte(0, u), byte(0, v)))
                    products := add(products, mul(byte(1, u), byte(1, v)))
                    products := add(products, mul(byte(2, u), byte(2, v)))
                    products := add(products, mul(byte(3, u), byte(3, v)))
                    products := add(products, mul(byte(4, u), byte(4, v)))
                    products := add(products, mul(byte(5, u), byte(5, v)))
                    products := add(products, mul(byte(6, u), byte(6, v)))
                    products := add(products, mul(byte(7, u), byte(7, v)))
                    u := shl(64, u)
                    v := shl(64, v)
                }
            }
            let count := shl(5, shr(5, add(length, 31)))
            sum := add(sub(products, shl(7, moved)), shl(14, count))
        }
    }

    function _dotWide(bytes calldata vector, bytes calldata query, uint256 width) private pure returns (int256 sum) {
        uint256 length = query.length;
        assembly ("memory-safe") {
            let top := sub(256, shl(3, width))
            for { let at := 0 } lt(at, length) { at := add(at, 1) } {
                let u := sar(top, calldataload(add(vector.offset, mul(at, width))))
                let v := sar(248, calldataload(add(query.offset, at)))
                sum := add(sum, mul(u, v))
            }
        }
    }
}
