// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Part} from "../../src/libraries/Evidence.sol";
import {Trees} from "./Trees.sol";

/// @notice Rows cut in four, as `rowPart` of `protocol/evidence.ts` cuts them.
library Rows {
    function rootOf(bytes memory row, uint256 coordinateBytes) internal pure returns (bytes32) {
        return Trees.rootOf(partsOf(row, coordinateBytes));
    }

    function part(bytes memory row, uint256 coordinateBytes, uint256 number) internal pure returns (Part memory) {
        bytes[] memory parts = partsOf(row, coordinateBytes);
        bytes32[] memory siblings = Trees.wayOf(parts, number).siblings;
        return Part(parts[number], [siblings[0], siblings[1]]);
    }

    function partsOf(bytes memory row, uint256 coordinateBytes) internal pure returns (bytes[] memory parts) {
        parts = new bytes[](4);
        uint256 size = (row.length / coordinateBytes + 3) / 4 * coordinateBytes;
        for (uint256 i = 0; i < 4; i++) {
            (uint256 from, uint256 to) = (_least(i * size, row.length), _least((i + 1) * size, row.length));
            parts[i] = new bytes(to - from);
            for (uint256 at = from; at < to; at++) {
                parts[i][at - from] = row[at];
            }
        }
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
