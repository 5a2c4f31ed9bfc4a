// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";

/// @notice Who is drawn by lot, and how often.
contract LotsTest is Base {
    address private immutable SMALL = VM.addr(61);
    address private immutable MIDDLE = VM.addr(62);
    address private immutable LARGE = VM.addr(63);

    function setUp() public {
        deploySystem();
    }

    function test_drawsNobodyWhereNobodyValidates() public {
        stakeFor(60, 1, 5 ether);
        equal(vault.drawValidators(0, 7, new address[](0)).length, 0, "a worker was drawn");
        _stakeAll();
        address[] memory all = new address[](3);
        (all[0], all[1], all[2]) = (SMALL, MIDDLE, LARGE);
        equal(vault.drawValidators(0, 7, all).length, 0, "an excluded one was drawn");
    }

    /// @dev 4,000 draws of one in ten: the deviation is 19, so 100 off is five of them.
    function test_followsTheStakes() public {
        _stakeAll();
        uint256[3] memory drawn;
        for (uint256 seed = 0; seed < 400; seed++) {
            address[] memory jurors = vault.drawValidators(keccak256(abi.encode(seed)), 10, new address[](0));
            for (uint256 i = 0; i < jurors.length; i++) {
                drawn[jurors[i] == SMALL ? 0 : jurors[i] == MIDDLE ? 1 : 2]++;
            }
        }
        equal(drawn[0] + drawn[1] + drawn[2], 4000, "draws");
        require(drawn[0] > 300 && drawn[0] < 500, "one in ten");
        require(drawn[1] > 1040 && drawn[1] < 1360, "three in ten");
        require(drawn[2] > 2240 && drawn[2] < 2560, "six in ten");
    }

    function testFuzz_neverDrawsAnExcludedOne(bytes32 seed, uint8 who) public {
        _stakeAll();
        address[] memory excluded = new address[](2);
        excluded[0] = [SMALL, MIDDLE, LARGE][who % 3];
        excluded[1] = address(0xBAD);
        address[] memory jurors = vault.drawValidators(seed, 9, excluded);
        equal(jurors.length, 9, "seats");
        for (uint256 i = 0; i < 9; i++) {
            require(jurors[i] != excluded[0] && jurors[i] != address(0), "excluded");
        }
    }

    function test_forgetsThoseWhoLeft() public {
        _stakeAll();
        vault.requestExit(SMALL);
        vault.requestExit(LARGE);
        address[] memory jurors = vault.drawValidators(0, 9, new address[](0));
        for (uint256 i = 0; i < 9; i++) {
            require(jurors[i] == MIDDLE, "one that left was drawn");
        }
    }

    function test_neverDrawsOneThatLostAll() public {
        _stakeAll();
        VM.prank(address(disputes));
        vault.slash(LARGE, 100 ether, address(0));
        for (uint256 seed = 0; seed < 50; seed++) {
            address[] memory jurors = vault.drawValidators(bytes32(seed), 9, new address[](0));
            for (uint256 i = 0; i < 9; i++) {
                require(jurors[i] != LARGE, "drawn without stake");
            }
        }
    }

    /// @dev Anybody may become a validator, so nobody may make a draw too dear for a block by that.
    function test_takesLittleMoreGasAmongMany() public {
        _stakeAll();
        uint256 few = _gasOfDraw();
        for (uint256 i = 0; i < 500; i++) {
            stakeFor(5000 + i, VALIDATOR, 1 ether);
        }
        uint256 many = _gasOfDraw();
        require(many < 4 * few, string.concat("gas: ", VM.toString(few), " and ", VM.toString(many)));
    }

    /// @dev Whoever is drawn stands where the point falls among those who may be drawn, in the order of their places.
    function testFuzz_drawsWhoStandsThere(bytes32 seed, uint8 who, uint8 count) public {
        _stakeAll();
        uint256 nodes = clamp(count, 4, 20);
        for (uint256 i = 4; i <= nodes; i++) {
            stakeFor(60 + i, VALIDATOR, i * 1 ether);
        }
        address[] memory excluded = new address[](4);
        (excluded[0], excluded[2], excluded[3]) = (_node(nodes, who), _node(nodes, who / 2), _node(nodes, who / 3));
        // Who has left, or never was a validator, comes between them.
        excluded[1] = address(0xBAD);
        address[] memory jurors = vault.drawValidators(seed, 5, excluded);
        for (uint256 i = 0; i < 5; i++) {
            require(jurors[i] == _standsAt(nodes, excluded, uint256(keccak256(abi.encode(seed, i)))), "juror");
        }
    }

    function _node(uint256 nodes, uint256 who) private pure returns (address) {
        return VM.addr(61 + who % nodes);
    }

    /// @dev Nobody has left, so keys ascend by place.
    function _standsAt(uint256 nodes, address[] memory excluded, uint256 random) private view returns (address) {
        uint256 totalWei = 0;
        for (uint256 i = 0; i < nodes; i++) {
            totalWei += _stakeBeside(VM.addr(61 + i), excluded);
        }
        uint256 point = random % totalWei;
        for (uint256 i = 0; i < nodes; i++) {
            uint256 stakeWei = _stakeBeside(VM.addr(61 + i), excluded);
            if (point < stakeWei) return VM.addr(61 + i);
            point -= stakeWei;
        }
        return address(0);
    }

    function _stakeBeside(address node, address[] memory excluded) private view returns (uint256) {
        for (uint256 i = 0; i < excluded.length; i++) {
            if (excluded[i] == node) return 0;
        }
        return vault.member(node).stakeWei;
    }

    function _gasOfDraw() private returns (uint256 gas) {
        address[] memory excluded = new address[](3);
        (excluded[0], excluded[1]) = (SMALL, MIDDLE);
        VM.cool(address(vault));
        gas = gasleft();
        vault.drawValidators(keccak256("seed"), 7, excluded);
        gas -= gasleft();
    }

    function _stakeAll() private {
        stakeFor(61, VALIDATOR, 1 ether);
        stakeFor(62, VALIDATOR, 3 ether);
        stakeFor(63, VALIDATOR, 6 ether);
    }
}
