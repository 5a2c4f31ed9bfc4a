// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {Payout} from "../src/Payout.sol";
import {Way} from "../src/libraries/Evidence.sol";
import {Payouts} from "../src/libraries/Payouts.sol";
import {Base} from "./support/Base.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";

contract PayoutTest is Base {
    address[] private _accounts;
    uint256[] private _amounts;

    function setUp() public {
        deploySystem();
        VM.deal(address(ledger), 1000 ether);
        for (uint160 i = 0; i < 5; i++) {
            _accounts.push(address(0xBEEF00 + i));
            _amounts.push((i + 1) * 1 ether);
        }
    }

    function test_paysEachAccountWhatItsLeafSays() public {
        _setRoot(15 ether);
        for (uint256 i = 0; i < 5; i++) {
            _claim(i);
            equal(_accounts[i].balance, _amounts[i], "paid");
        }
        equal(address(payout).balance, 0, "left");
    }

    function test_paysTheDifferenceToWhatWasClaimed() public {
        _setRoot(15 ether);
        _claim(2);
        _amounts[2] = 10 ether;
        _setRoot(7 ether);
        _claim(2);
        equal(_accounts[2].balance, 10 ether, "paid");
        equal(payout.claimedWei(_accounts[2]), 10 ether, "claimed");
    }

    function test_paysNothingTwice() public {
        _setRoot(15 ether);
        _claim(1);
        Way memory way = Trees.sumWay(_accounts, _amounts, 1);
        VM.expectRevert(abi.encodeWithSelector(Payouts.NothingToClaim.selector, _accounts[1], 2 ether, 2 ether));
        payout.claim(_accounts[1], 2 ether, way.path, way.siblings);
    }

    function test_letsOnlyTheLedgerSetTheRoot() public {
        VM.expectRevert(abi.encodeWithSelector(Payout.NotLedger.selector, address(this)));
        payout.setRoot(0);
    }

    /// @dev Two honest-looking roots that together promise more than came in: the later one forgets whom the first paid.
    function test_paysNeverMoreThanCameInOverSeveralRoots() public {
        _setRoot(15 ether);
        for (uint256 i = 0; i < 5; i++) {
            _claim(i);
        }
        for (uint160 i = 0; i < 5; i++) {
            _accounts[i] = address(0xCAFE00 + i);
        }
        _setRoot(0);
        Way memory way = Trees.sumWay(_accounts, _amounts, 0);
        VM.expectRevert(abi.encodeWithSelector(Errors.InsufficientBalance.selector, 0, 1 ether));
        payout.claim(_accounts[0], 1 ether, way.path, way.siblings);
    }

    function testFuzz_refusesAnotherAmount(uint256 amountWei, uint256 seed) public {
        _setRoot(15 ether);
        uint256 index = seed % 5;
        if (amountWei == _amounts[index]) return;
        Way memory way = Trees.sumWay(_accounts, _amounts, index);
        VM.expectRevert(abi.encodeWithSelector(Payouts.BadProof.selector, _accounts[index], amountWei, way.path));
        payout.claim(_accounts[index], amountWei, way.path, way.siblings);
    }

    function test_refusesAWrongPath() public {
        _setRoot(15 ether);
        Way memory way = Trees.sumWay(_accounts, _amounts, 2);
        VM.expectRevert(abi.encodeWithSelector(Payouts.BadProof.selector, _accounts[2], 3 ether, way.path ^ 1));
        payout.claim(_accounts[2], 3 ether, way.path ^ 1, way.siblings);
    }

    function test_refusesAnyClaimBeforeThereIsARoot() public {
        VM.expectRevert(abi.encodeWithSelector(Payouts.BadProof.selector, _accounts[0], 0, 0));
        payout.claim(_accounts[0], 0, 0, new bytes32[](0));
    }

    function test_paysOnceWhenTheAccountCallsBack() public {
        GreedyPayee greedy = new GreedyPayee(payout);
        _accounts[0] = address(greedy);
        greedy.prepare(1 ether, Trees.sumWay(_accounts, _amounts, 0).siblings);
        _setRoot(15 ether);
        greedy.claim();
        equal(address(greedy).balance, 1 ether, "taken");
        equal(address(payout).balance, 14 ether, "left");
    }

    function test_takesNoMoneyOutsideItsFunctions() public {
        VM.deal(address(this), 1 ether);
        (bool taken,) = address(payout).call{value: 1 ether}("");
        require(!taken, "the payout took money it will not give back");
    }

    function _setRoot(uint256 fundingWei) private {
        bytes32 root = Trees.sumRoot(_accounts, _amounts);
        VM.prank(address(ledger));
        payout.setRoot{value: fundingWei}(root);
        require(payout.root() == root, "root");
    }

    function _claim(uint256 index) private {
        Way memory way = Trees.sumWay(_accounts, _amounts, index);
        payout.claim(_accounts[index], _amounts[index], way.path, way.siblings);
    }
}

/// @notice Claims again while it is being paid.
contract GreedyPayee {
    Payout private immutable PAYOUT;
    uint256 private _amountWei;
    bytes32[] private _siblings;

    constructor(Payout payout) {
        PAYOUT = payout;
    }

    function prepare(uint256 amountWei, bytes32[] calldata siblings) external {
        _amountWei = amountWei;
        for (uint256 i = 0; i < siblings.length; i++) {
            _siblings.push(siblings[i]);
        }
    }

    function claim() public {
        PAYOUT.claim(address(this), _amountWei, 0, _siblings);
    }

    receive() external payable {
        try PAYOUT.claim(address(this), _amountWei, 0, _siblings) {} catch {}
    }
}
